package webhook_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

func TestEventsOfEachViewerAreDeliveredInOrder(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		for n := range 5 {
			for user := range 10 {
				f.queue.insert(event(webinar.UserID(user+1), n))
			}
		}
		f.start()
		f.advance(time.Second)

		require.Len(f, f.receiver.deliveries(), 50)
		for user := webinar.UserID(1); user <= 10; user++ {
			for n, d := range forUser(user, f.receiver.accepted()) {
				assert.Equal(f, event(user, n).ID.String(), d.id)
			}
		}
		f.assertEmpty()
		stats := f.dispatcher.Stats()
		assert.Equal(f, uint64(50), stats.Accepted)
		assert.True(f, stats.ReceiverUp)
		assert.Zero(f, stats.Pending)
	})
}

func TestWakeIsFasterThanPolling(t *testing.T) {
	withFixture(t, webhook.Config{Poll: time.Minute}, func(f *fixture) {
		f.start()
		f.advance(time.Second)
		f.queue.insert(event(1, 1))
		f.dispatcher.Wake()
		f.advance(10 * time.Millisecond)
		assert.Len(f, f.receiver.deliveries(), 1)
	})
}

func TestWakeDuringAPollIsNotLost(t *testing.T) {
	withFixture(t, webhook.Config{Poll: time.Hour}, func(f *fixture) {
		polled := false
		f.queue.fail = func(operation string) error {
			if operation == "DueViewers" && !polled {
				polled = true
				f.dispatcher.Wake() // while this poll misses the row
				time.AfterFunc(time.Millisecond, func() { f.queue.insert(event(1, 1)) })
			}
			return nil
		}
		f.start()
		f.advance(time.Second)
		assert.Len(f, f.receiver.deliveries(), 1)
	})
}

func TestEventInsertedDuringDeliveryIsSentAfterIt(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.receiver.setResponse(always(reply{status: 200, delay: 3 * time.Second}))
		f.queue.insert(event(1, 1))
		f.start()
		f.advance(time.Second)
		f.queue.insert(event(1, 2))
		f.advance(2*time.Second + 20*time.Millisecond)
		assert.Len(f, f.receiver.accepted(), 1)
		f.advance(3 * time.Second)
		assert.Len(f, f.receiver.accepted(), 2, "the second is sent as soon as the first is accepted")
	})
}

func TestRunReturnsWithItsContextAndMayBeRepeated(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		cause := errors.New("no longer the leader")
		for range 3 {
			ctx, cancel := context.WithCancelCause(f.Context())
			done := make(chan error)
			go func() { done <- f.dispatcher.Run(ctx) }()
			f.advance(time.Second)
			assert.True(f, f.dispatcher.Stats().Running)
			assert.ErrorIs(f, f.dispatcher.Run(ctx), webhook.ErrRunning)
			cancel(cause)
			assert.ErrorIs(f, <-done, cause)
			assert.False(f, f.dispatcher.Stats().Running)
		}
	})
}

func TestOnlyEnteredIsSentWithoutLeadID(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.queue.leads[1] = ""
		entered := event(1, 0)
		entered.Type = webinar.EventEntered
		f.queue.insert(entered)
		left := f.queue.insert(event(1, 2))
		f.insertForUsers(3) // other viewers, and a third event of viewer 1
		f.start()
		f.advance(4 * time.Second)

		require.Len(f, forUser(1, f.receiver.deliveries()), 1)
		assert.NotContains(f, forUser(1, f.receiver.deliveries())[0].body, "lead_id")
		r, _ := f.queue.get(left)
		assert.Equal(f, 1, r.m.Attempts, "counted as a failed attempt")
		assert.Equal(f, deferred, r.status)
		assert.True(f, f.dispatcher.Stats().ReceiverUp, "a missing lead id says nothing about the receiver")
		assert.Len(f, f.receiver.accepted(), 3)

		f.queue.set(func() { f.queue.leads[1] = "found" })
		f.advance(6 * time.Second)
		require.Len(f, forUser(1, f.receiver.accepted()), 3)
		assert.Contains(f, forUser(1, f.receiver.accepted())[1].body, `"lead_id":"found"`)
		f.assertEmpty()
	})
}

func TestEventsWithoutLeadIDAreNotProbes(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.queue.leads[1], f.queue.leads[2] = "", ""
		f.insertForUsers(2)
		f.start()
		f.advance(time.Minute)
		r, _ := f.queue.get(1)
		assert.Equal(f, 3, r.m.Attempts, "after 0, 5 s and 35 s")
		assert.False(f, f.dispatcher.Stats().ReceiverUp)
	})
}

func TestEventsOfDeletedUserAreDiscarded(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.queue.deleted[1] = true
		f.queue.insert(event(1, 2))
		f.insertForUsers(2)
		f.start()
		f.advance(time.Second)
		assert.Equal(f, []int{2}, users(f.receiver.deliveries()))
		assert.Equal(f, uint64(2), f.dispatcher.Stats().Discarded)
		f.assertEmpty()
	})
}

func TestUnsupportedRowsAreReadAgainLater(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.insertForUsers(600) // more than a page
		for id := uint64(1); id <= 599; id++ {
			f.queue.change(id, func(r *row) { r.unsupported = true })
		}
		f.start()
		f.advance(10 * time.Second)
		assert.Equal(f, []int{600}, users(f.receiver.deliveries()), "unsupported rows do not hide others")
		assert.Less(f, f.queue.calls["ViewerQueue"], 700)

		for id := uint64(1); id <= 599; id++ {
			f.queue.change(id, func(r *row) { r.unsupported = false })
		}
		f.advance(time.Minute)
		f.assertEmpty()
	})
}

func TestViewerWithManyRowsDoesNotDelayOthers(t *testing.T) {
	withFixture(t, webhook.Config{Parallel: 2}, func(f *fixture) {
		f.receiver.setResponse(always(reply{status: 200, delay: 100 * time.Millisecond}))
		for n := range 700 {
			f.queue.insert(event(1, n))
		}
		f.start()
		f.advance(time.Second)
		f.queue.insert(event(2, 1))
		f.advance(time.Second)
		assert.Len(f, forUser(2, f.receiver.accepted()), 1)
		f.advance(2 * time.Minute)
		f.assertEmpty()
	})
}
