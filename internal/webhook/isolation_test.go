package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

func TestFailingEventDoesNotDelayOthers(t *testing.T) {
	for name, failure := range map[string]reply{
		"500": {status: 500}, "422": {status: 422}, "429": {status: 429, retryAfter: "60"}, "time-out": {delay: time.Hour}, "connection error": {err: errRefused},
	} {
		t.Run(name, func(t *testing.T) {
			withFixture(t, webhook.Config{}, func(f *fixture) {
				f.queue.insert(event(2, 1))
				f.start()
				f.advance(time.Second)
				f.receiver.setResponse(failUpTo(1, failure))
				row := f.queue.insert(event(1, 1))
				f.insertForUsers(100)
				f.advance(25 * time.Second)
				assert.Len(f, f.receiver.accepted(), 99)

				for n := 2; n < 30; n++ { // a busy site
					f.queue.insert(event(webinar.UserID(n), n))
					f.dispatcher.Wake()
					f.advance(100 * time.Millisecond)
					assert.Len(f, f.receiver.accepted(), 98+n, "event %d is sent immediately", n)
					f.advance(10 * time.Second)
				}
				assert.LessOrEqual(f, len(forUser(1, f.receiver.deliveries())), 6, "it is retried by its own schedule")
				r, _ := f.queue.get(row)
				assert.Equal(f, deferred, r.status)
				assert.Equal(f, len(forUser(1, f.receiver.deliveries())), r.m.Attempts)
			})
		})
	}
}

// If the receiver fails for all events of a type, and their rows are the oldest,
// they must neither delay others nor be retried too often.
func TestManyFailingEventsDoNotDelayOthers(t *testing.T) {
	withFixture(t, webhook.Config{Poll: time.Second}, func(f *fixture) {
		f.receiver.setResponse(failUpTo(60, reply{status: 500, delay: 10 * time.Millisecond}))
		f.insertForUsers(300)
		f.start()
		f.advance(2 * time.Minute)
		assert.Len(f, f.receiver.accepted(), 240)
		assert.LessOrEqual(f, len(f.receiver.deliveries()), 240+60*6)

		for n := 2; n < 20; n++ { // with traffic, each failing event is retried by its own schedule
			f.queue.insert(event(300, n))
			f.dispatcher.Wake()
			f.advance(30 * time.Second)
			assert.Len(f, f.receiver.accepted(), 239+n)
		}
	})
}

func TestSlowFailuresUseHalfOfTheSlots(t *testing.T) {
	withFixture(t, webhook.Config{Parallel: 4, Poll: time.Second}, func(f *fixture) {
		f.insertForUsers(20)
		f.start()
		f.advance(time.Second)
		require.Len(f, f.receiver.accepted(), 20)

		// Deliveries to viewers 1 to 10 always time out, the others succeed quickly.
		f.receiver.setResponse(failUpTo(10, reply{delay: time.Hour}))
		for user := range 10 {
			f.queue.insert(event(webinar.UserID(user+1), 2))
		}
		f.traffic(2*time.Minute, 2) // until all of them are suspect
		longest := f.traffic(10*time.Minute, 1000)
		assert.Less(f, longest, time.Second, "failures must not use all slots")
		for user := webinar.UserID(1); user <= 10; user++ {
			assert.GreaterOrEqual(f, len(forUser(user, f.receiver.deliveries())), 5, "viewer %d is retried", user)
		}
	})
}

// traffic inserts two events a second for the viewers 11 to 20, numbered from n,
// and returns the longest time until one of them was accepted.
func (f *fixture) traffic(d time.Duration, n int) (longest time.Duration) {
	inserted := map[string]time.Time{}
	for end := time.Now().Add(d); time.Now().Before(end); n++ {
		e := event(webinar.UserID(11+n%10), n)
		f.queue.insert(e)
		inserted[e.ID.String()] = time.Now()
		f.dispatcher.Wake()
		f.advance(500 * time.Millisecond)
	}
	for _, d := range f.receiver.accepted() {
		if at, ok := inserted[d.id]; ok {
			longest = max(longest, d.at.Sub(at))
			delete(inserted, d.id)
		}
	}
	if len(inserted) > 1 {
		return time.Hour
	}
	return longest
}

func TestSoleFailureIsRetriedEvery30SecondsUntilOthersSucceed(t *testing.T) {
	withFixture(t, webhook.Config{Poll: time.Second}, func(f *fixture) {
		f.insertForUsers(2)
		f.start()
		f.advance(time.Minute)
		f.receiver.setResponse(failUpTo(1, reply{status: 500}))
		f.queue.insert(event(1, 2))
		f.advance(30 * time.Minute)
		quiet := len(forUser(1, f.receiver.deliveries()))
		assert.InDelta(f, 60, quiet, 6, "every 30 s: the receiver may be down")

		f.queue.insert(event(2, 2)) // shows that the receiver is up
		f.advance(30 * time.Minute)
		assert.LessOrEqual(f, len(forUser(1, f.receiver.deliveries())), quiet+2, "then by its own schedule")
	})
}

func TestEventIsDeadWhenBudgetIsExhausted(t *testing.T) {
	retry := webhook.RetryPolicy{Schedule: []time.Duration{10 * time.Second, time.Minute}, Budget: 5 * time.Minute, Random: noJitter}
	for name, failure := range map[string]reply{"rejected": {status: 400}, "unavailable": {status: 500}} {
		t.Run(name, func(t *testing.T) {
			withFixture(t, webhook.Config{Retry: retry}, func(f *fixture) {
				failingID := event(1, 1).ID.String()
				f.receiver.setResponse(func(d delivery) reply {
					if d.id == failingID {
						return failure
					}
					return reply{status: 200}
				})
				f.queue.insert(event(1, 1))
				f.queue.insert(event(1, 2))
				f.queue.insert(event(1, 3))
				f.queue.insert(event(2, 1))
				f.start()
				f.advance(10 * time.Minute)

				r, _ := f.queue.get(1)
				assert.Equal(f, dead, r.status)
				attempts := forUser(1, f.receiver.deliveries())
				assert.Equal(f, r.m.Attempts, len(attempts)-2)
				assert.WithinDuration(f, r.m.FirstAttempt.Add(retry.Budget), attempts[len(attempts)-1].at, time.Minute)
				assert.Len(f, forUser(1, f.receiver.accepted()), 2, "the following events are delivered")
				assert.Equal(f, uint64(1), f.dispatcher.Stats().Dead)
				assert.Equal(f, 1, f.log.count("event dead-lettered: retry budget exhausted"))
				f.assertEmpty()
			})
		})
	}
}
