package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webhook"
)

func TestRowExpeditedByOperatorIsSentSoon(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *row)
		within time.Duration
	}{
		"still deferred":                      {func(r *row) { r.m.NextAttempt = time.Time{} }, 31 * time.Second},
		"made due, as by the command 'retry'": {func(r *row) { r.status, r.m.NextAttempt = due, time.Time{} }, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			withFixture(t, webhook.Config{Poll: time.Second}, func(f *fixture) {
				f.receiver.setResponse(func(d delivery) reply {
					if d.user == 1 {
						return reply{status: 400}
					}
					return reply{status: 200}
				})
				f.insertForUsers(2)
				f.start()
				f.advance(time.Hour)
				before := len(forUser(1, f.receiver.deliveries()))
				f.receiver.setResponse(always(reply{status: 200}))
				f.queue.change(1, c.change)
				f.advance(c.within)
				assert.Len(f, forUser(1, f.receiver.deliveries()), before+1)
				f.assertEmpty()
			})
		})
	}
}

func TestFailedMergeIsRetried(t *testing.T) {
	for _, operation := range []string{"ViewerQueue", "Reschedule"} {
		t.Run(operation, func(t *testing.T) {
			withFixture(t, webhook.Config{Poll: time.Second, Retry: webhook.RetryPolicy{Schedule: []time.Duration{24 * time.Hour}}}, func(f *fixture) {
				f.receiver.setResponse(failUpTo(1, reply{status: 422}))
				f.insertForUsers(2)
				f.start()
				f.advance(time.Minute)
				f.queue.set(func() { f.queue.fail = failOn(operation) })
				f.queue.insert(event(1, 2))
				f.advance(3 * time.Second)
				f.queue.set(func() { f.queue.fail = nil })
				f.advance(10 * time.Second)
				r, _ := f.queue.get(3)
				assert.Equal(f, deferred, r.status)

				f.queue.set(func() { f.queue.fail = failOn(operation) })
				f.queue.insert(event(1, 3))
				f.advance(3 * time.Second)
				f.receiver.setResponse(always(reply{status: 200}))
				f.queue.set(func() { f.queue.fail = nil })
				f.queue.set(func() {
					for _, r := range f.queue.rows { // as by the command 'retry'
						r.status, r.m.Attempts, r.m.FirstAttempt, r.m.NextAttempt = due, 0, time.Time{}, time.Time{}
					}
				})
				f.advance(10 * time.Second)
				f.assertEmpty()
			})
		})
	}
}

func TestNewRowsOfDeferredViewerAreDeferred(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.receiver.setResponse(failUpTo(1, reply{status: 422}))
		f.insertForUsers(2)
		f.start()
		f.advance(time.Second)
		second := f.queue.insert(event(1, 2))
		f.queue.insert(event(3, 1))
		f.advance(time.Second)
		r, _ := f.queue.get(second)
		assert.Equal(f, deferred, r.status)
		assert.Zero(f, r.m.Attempts)
		first, _ := f.queue.get(1)
		assert.Equal(f, 1, first.m.Attempts, "unchanged by the merge")
		assert.Len(f, forUser(1, f.receiver.deliveries()), 1)
		assert.Len(f, forUser(3, f.receiver.accepted()), 1)

		f.receiver.setResponse(always(reply{status: 200}))
		f.advance(4 * time.Second)
		assert.Equal(f, []string{event(1, 1).ID.String(), event(1, 2).ID.String()}, ids(forUser(1, f.receiver.accepted())))
	})
}

// A change committed while the viewer's last deferred event is being delivered
// inserts its event as deferred, where polls do not find it.
func TestEventAddedDuringDeliveryIsSentNext(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.receiver.setResponse(always(reply{err: errRefused}))
		f.insertForUsers(1)
		f.start()
		f.advance(time.Minute)
		inserted := false
		f.receiver.setResponse(func(delivery) reply {
			if !inserted {
				inserted = true
				f.queue.insertAs(deferred, event(1, 2))
			}
			return reply{status: 200}
		})
		f.advance(31 * time.Second) // until after the next probe
		assert.Len(f, forUser(1, f.receiver.accepted()), 2)
		accepted := f.receiver.accepted()
		assert.Less(f, accepted[1].at.Sub(accepted[0].at), time.Second)
		f.assertEmpty()
	})
}

func TestNewRowsAreDeferredWhileReceiverIsDown(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.receiver.setResponse(always(reply{err: errRefused}))
		f.insertForUsers(1)
		f.start()
		f.advance(time.Minute)
		f.queue.insert(event(1, 2))
		f.advance(time.Second)
		assert.Equal(f, 2, f.queue.count(deferred))
	})
}
