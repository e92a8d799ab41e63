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

func TestDeliversEachViewerInOrder(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		for n := range 5 {
			for user := range 10 {
				b.queue.insert(event(webinar.UserID(user+1), n))
			}
		}
		b.run()
		b.after(time.Second)

		require.Len(b, b.sink.seen(), 50)
		for user := webinar.UserID(1); user <= 10; user++ {
			for n, d := range of(user, b.sink.accepted()) {
				assert.Equal(b, event(user, n).ID.String(), d.id)
			}
		}
		b.empty()
		stats := b.d.Stats()
		assert.Equal(b, uint64(50), stats.Accepted)
		assert.True(b, stats.ReceiverUp)
		assert.Zero(b, stats.Deferred)
	})
}

func TestNudgeIsFasterThanThePoll(t *testing.T) {
	onBench(t, webhook.Config{Poll: time.Minute}, func(b *bench) {
		b.run()
		b.after(time.Second)
		b.queue.insert(event(1, 1))
		b.d.Wake()
		b.after(10 * time.Millisecond)
		assert.Len(b, b.sink.seen(), 1)
	})
}

func TestNudgeDuringAPollIsNotLost(t *testing.T) {
	onBench(t, webhook.Config{Poll: time.Hour}, func(b *bench) {
		read := false
		b.queue.fault = func(op string) error {
			if op == "due" && !read {
				read = true
				b.d.Wake() // the commit comes after this read
				time.AfterFunc(time.Millisecond, func() { b.queue.insert(event(1, 1)) })
			}
			return nil
		}
		b.run()
		b.after(time.Second)
		assert.Len(b, b.sink.seen(), 1)
	})
}

func TestNewEventDuringTheViewersTurn(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.sink.answering(always(reply{status: 200, delay: 3 * time.Second}))
		b.queue.insert(event(1, 1))
		b.run()
		b.after(time.Second)
		b.queue.insert(event(1, 2))
		b.after(2*time.Second + 20*time.Millisecond)
		assert.Len(b, b.sink.accepted(), 1)
		b.after(3 * time.Second)
		assert.Len(b, b.sink.accepted(), 2, "the second was sent as soon as the first was accepted")
	})
}

func TestRunEndsWithItsContextAndMayBeRepeated(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		cause := errors.New("no longer the leader")
		for range 3 {
			ctx, cancel := context.WithCancelCause(b.Context())
			done := make(chan error)
			go func() { done <- b.d.Run(ctx) }()
			b.after(time.Second)
			assert.True(b, b.d.Stats().Running)
			assert.ErrorIs(b, b.d.Run(ctx), webhook.ErrRunning)
			cancel(cause)
			assert.ErrorIs(b, <-done, cause)
			assert.False(b, b.d.Stats().Running)
		}
	})
}

func TestEnteredGoesWithoutALeadTheOthersWaitForIt(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.queue.leads[1] = ""
		entered := event(1, 0)
		entered.Type = webinar.EventEntered
		b.queue.insert(entered)
		left := b.queue.insert(event(1, 2))
		b.fill(3) // others, and a third event of viewer 1
		b.run()
		b.after(4 * time.Second)

		require.Len(b, of(1, b.sink.seen()), 1)
		assert.NotContains(b, of(1, b.sink.seen())[0].body, "lead_id")
		r, _ := b.queue.get(left)
		assert.Equal(b, 1, r.m.Attempts, "a failed attempt of the message")
		assert.Equal(b, waiting, r.key)
		assert.True(b, b.d.Stats().ReceiverUp, "which says nothing about the sink")
		assert.Len(b, b.sink.accepted(), 3)

		b.queue.set(func() { b.queue.leads[1] = "found" })
		b.after(6 * time.Second)
		require.Len(b, of(1, b.sink.accepted()), 3)
		assert.Contains(b, of(1, b.sink.accepted())[1].body, `"lead_id":"found"`)
		b.empty()
	})
}

func TestMissingLeadsAreNoProbes(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.queue.leads[1], b.queue.leads[2] = "", ""
		b.fill(2)
		b.run()
		b.after(time.Minute)
		r, _ := b.queue.get(1)
		assert.Equal(b, 3, r.m.Attempts, "by its own schedule: 0, 5 s and 35 s")
		assert.False(b, b.d.Stats().ReceiverUp)
	})
}

func TestEventsOfADeletedUserAreWithdrawn(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.queue.gone[1] = true
		b.queue.insert(event(1, 2))
		b.fill(2)
		b.run()
		b.after(time.Second)
		assert.Equal(b, []int{2}, users(b.sink.seen()))
		assert.Equal(b, uint64(2), b.d.Stats().Withdrawn)
		b.empty()
	})
}

func TestHeldViewersAreLeftAloneAndLookedAtAgain(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.fill(600) // more than a page
		for id := uint64(1); id <= 599; id++ {
			b.queue.change(id, func(r *row) { r.held = true })
		}
		b.run()
		b.after(10 * time.Second)
		assert.Equal(b, []int{600}, users(b.sink.seen()), "held rows hide nobody")
		assert.Less(b, b.queue.calls["backlog"], 700)

		for id := uint64(1); id <= 599; id++ {
			b.queue.change(id, func(r *row) { r.held = false })
		}
		b.after(time.Minute)
		b.empty()
	})
}

func TestAViewerWithManyRowsDoesNotStarveOthers(t *testing.T) {
	onBench(t, webhook.Config{Parallel: 2}, func(b *bench) {
		b.sink.answering(always(reply{status: 200, delay: 100 * time.Millisecond}))
		for n := range 700 {
			b.queue.insert(event(1, n))
		}
		b.run()
		b.after(time.Second)
		b.queue.insert(event(2, 1))
		b.after(time.Second)
		assert.Len(b, of(2, b.sink.accepted()), 1)
		b.after(2 * time.Minute)
		b.empty()
	})
}
