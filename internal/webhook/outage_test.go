package webhook_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
)

var errRefused = errors.New("connection refused")

func TestReceiverDownIsProbedOneEventAtATime(t *testing.T) {
	for name, failure := range map[string]reply{
		"connection refused": {err: errRefused}, "time-out": {status: 200, delay: time.Hour}, "500": {status: 500}, "410": {status: 410},
		"redirect": {status: 302}, "404": {status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			withFixture(t, webhook.Config{Poll: time.Second}, func(f *fixture) {
				f.receiver.setResponse(always(failure))
				f.insertForUsers(100)
				f.start()
				f.advance(10 * time.Minute)

				deliveries := f.receiver.deliveries()
				require.Greater(f, len(deliveries), 12)
				for i, d := range deliveries {
					assert.Equal(f, 1, d.inFlight)
					if i > 0 {
						gap := d.at.Sub(deliveries[i-1].at)
						assert.LessOrEqual(f, gap, 46*time.Second, "30 s plus the time-out of the previous probe")
						assert.GreaterOrEqual(f, gap, 5*time.Second)
					}
				}
				assert.Len(f, uniq(users(deliveries)), len(deliveries), "no row is probed twice before all were probed once")
				assert.False(f, f.dispatcher.Stats().ReceiverUp)
				assert.Equal(f, uint64(len(deliveries)), f.dispatcher.Stats().Failed)
			})
		})
	}
}

// Jitter can make a next attempt earlier than the previous one. That must not
// change the order of probes.
func TestEarlierNextAttemptDoesNotChangeProbeOrder(t *testing.T) {
	random := 1.0
	retry := webhook.RetryPolicy{Schedule: []time.Duration{24 * time.Hour}, Random: func() float64 {
		random -= 0.01
		return random
	}}
	withFixture(t, webhook.Config{Parallel: 1, Poll: time.Second, Retry: retry}, func(f *fixture) {
		f.receiver.setResponse(always(reply{status: 503}))
		f.insertForUsers(5)
		f.start()
		f.advance(20 * time.Minute)
		probes := map[int]int{}
		for _, user := range users(f.receiver.deliveries()) {
			probes[user]++
		}
		for user, n := range probes {
			assert.InDelta(f, len(f.receiver.deliveries())/5, n, 1, "viewer %d", user)
		}
	})
}

func uniq(list []int) []int {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func TestRecoverySendsOldestFirstWithIncreasingParallelism(t *testing.T) {
	withFixture(t, webhook.Config{Parallel: 16, Poll: time.Second}, func(f *fixture) {
		f.receiver.setResponse(always(reply{status: 503}))
		f.insertForUsers(100)
		f.start()
		f.advance(5 * time.Minute)
		f.receiver.setResponse(always(reply{status: 200, delay: time.Second}))
		f.advance(time.Minute)

		f.assertEmpty()
		accepted := f.receiver.accepted()
		require.Len(f, accepted, 100)
		inFlight := map[time.Time]int{}
		for _, d := range accepted {
			inFlight[d.at] = max(inFlight[d.at], d.inFlight)
		}
		var ramp []int
		for _, at := range slices.SortedFunc(maps.Keys(inFlight), time.Time.Compare) {
			ramp = append(ramp, inFlight[at])
		}
		assert.Equal(f, []int{1, 1, 2, 8, 16, 16}, ramp[:6], "the probe, then increasing")
		// Rows sent at the same time arrive in any order.
		for i, d := range accepted[1:] {
			for _, e := range accepted[i+1:] {
				assert.False(f, d.at.Before(e.at) && d.user > e.user, "viewer %d before viewer %d", d.user, e.user)
			}
		}
	})
}

func TestQuietSiteRecoversWithin30Seconds(t *testing.T) {
	for name, failure := range map[string]reply{"connection refused": {err: errRefused}, "500": {status: 500}} {
		t.Run(name, func(t *testing.T) {
			withFixture(t, webhook.Config{Poll: time.Second}, func(f *fixture) {
				f.queue.insert(event(1, 1))
				f.start()
				f.advance(time.Hour)
				f.receiver.setResponse(always(failure))
				f.queue.insert(event(2, 1)) // the only active viewer
				f.advance(2 * time.Hour)
				f.receiver.setResponse(always(reply{status: 200}))
				f.advance(31 * time.Second)
				f.assertEmpty()
			})
		})
	}
}

func TestOutageIsDetectedImmediately(t *testing.T) {
	withFixture(t, webhook.Config{Poll: time.Second}, func(f *fixture) {
		f.insertForUsers(100)
		f.start()
		f.advance(time.Minute)
		require.Len(f, f.receiver.accepted(), 100)

		f.receiver.setResponse(always(reply{status: 503, delay: time.Second}))
		f.insertForUsers(100)
		f.dispatcher.Wake()
		f.advance(5 * time.Second)
		during := len(f.receiver.deliveries()) - 100
		assert.LessOrEqual(f, during, webhook.DefaultParallel+3, "deliveries in flight, and probes")
		assert.Equal(f, 1, f.log.count("receiver unavailable, probing"))

		f.advance(time.Hour)
		f.receiver.setResponse(always(reply{status: 200}))
		f.advance(31 * time.Second)
		f.assertEmpty()
		assert.Equal(f, 2, f.log.count("receiver available, resuming delivery"))
	})
}

func TestRetryAfterIsRespected(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.receiver.setResponse(always(reply{status: 429, retryAfter: "120"}))
		f.insertForUsers(3)
		f.start()
		f.advance(5 * time.Minute)
		assert.InDeltaSlice(f, []float64{0, 120, 240}, f.offsets(f.receiver.deliveries()), 1)
	})
}

func TestRestartRetriesDeferredEvents(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.insertForUsers(20)
		for id := uint64(1); id <= 20; id++ {
			f.queue.change(id, func(r *row) {
				r.status, r.m.Attempts, r.m.FirstAttempt, r.m.NextAttempt = deferred, 8, time.Now(), time.Now().Add(12*time.Hour)
			})
		}
		f.start()
		f.advance(time.Second)
		f.assertEmpty()
	})
}
