package webhook_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
)

var errRefused = errors.New("connection refused")

func TestSinkDownIsProbedOneRowAtATime(t *testing.T) {
	for name, failure := range map[string]reply{
		"no connection": {err: errRefused}, "time-out": {status: 200, delay: time.Hour}, "500": {status: 500}, "gone": {status: 410},
		"redirect": {status: 302}, "not found": {status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, webhook.Config{Poll: time.Second}, func(b *bench) {
				b.sink.answering(always(failure))
				b.fill(100)
				b.run()
				b.after(10 * time.Minute)

				seen := b.sink.seen()
				require.Greater(b, len(seen), 12)
				for i, d := range seen {
					assert.Equal(b, 1, d.parallel)
					if i > 0 {
						gap := d.at.Sub(seen[i-1].at)
						assert.LessOrEqual(b, gap, 46*time.Second, "30 s, and the time-out of the one before")
						assert.GreaterOrEqual(b, gap, 5*time.Second)
					}
				}
				assert.Len(b, uniq(users(seen)), len(seen), "no row is tried twice while another was not")
				assert.False(b, b.d.Stats().ReceiverUp)
				assert.Equal(b, uint64(len(seen)), b.d.Stats().Failed)
			})
		})
	}
}

// That a new plan is earlier than the one before it is chance, and hastens nobody:
// viewers are probed one after another all the same.
func TestAnEarlierPlanIsNoReasonToBeProbedAgain(t *testing.T) {
	earlier := 1.0
	retry := webhook.RetryPolicy{Schedule: []time.Duration{24 * time.Hour}, Random: func() float64 {
		earlier -= 0.01
		return earlier
	}}
	onBench(t, webhook.Config{Parallel: 1, Poll: time.Second, Retry: retry}, func(b *bench) {
		b.sink.answering(always(reply{status: 503}))
		b.fill(5)
		b.run()
		b.after(20 * time.Minute)
		tried := map[int]int{}
		for _, user := range users(b.sink.seen()) {
			tried[user]++
		}
		for user, n := range tried {
			assert.InDelta(b, len(b.sink.seen())/5, n, 1, "viewer %d", user)
		}
	})
}

func uniq(list []int) []int {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func TestRecoveryFlushesOldestFirstInARamp(t *testing.T) {
	onBench(t, webhook.Config{Parallel: 16, Poll: time.Second}, func(b *bench) {
		b.sink.answering(always(reply{status: 503}))
		b.fill(100)
		b.run()
		b.after(5 * time.Minute)
		b.sink.answering(always(reply{status: 200, delay: time.Second}))
		b.after(time.Minute)

		b.empty()
		accepted := b.sink.accepted()
		require.Len(b, accepted, 100)
		parallel := map[time.Time]int{}
		for _, d := range accepted {
			parallel[d.at] = max(parallel[d.at], d.parallel)
		}
		var ramp []int
		for _, at := range slices.SortedFunc(mapKeys(parallel), time.Time.Compare) {
			ramp = append(ramp, parallel[at])
		}
		assert.Equal(b, []int{1, 1, 2, 8, 16, 16}, ramp[:6], "the probe, then a ramp")
		// Rows sent in one step arrive in any order, steps do not.
		for i, d := range accepted[1:] {
			for _, e := range accepted[i+1:] {
				assert.False(b, d.at.Before(e.at) && d.user > e.user, "viewer %d came before %d", d.user, e.user)
			}
		}
	})
}

func mapKeys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestAQuietSiteRecoversWithin30Seconds(t *testing.T) {
	for name, failure := range map[string]reply{"no connection": {err: errRefused}, "500": {status: 500}} {
		t.Run(name, func(t *testing.T) {
			onBench(t, webhook.Config{Poll: time.Second}, func(b *bench) {
				b.queue.insert(event(1, 1))
				b.run()
				b.after(time.Hour)
				b.sink.answering(always(failure))
				b.queue.insert(event(2, 1)) // the only viewer who is about
				b.after(2 * time.Hour)
				b.sink.answering(always(reply{status: 200}))
				b.after(31 * time.Second)
				b.empty()
			})
		})
	}
}

func TestAnOutageInGoodTimesIsNoticedAtOnce(t *testing.T) {
	onBench(t, webhook.Config{Poll: time.Second}, func(b *bench) {
		b.fill(100)
		b.run()
		b.after(time.Minute)
		require.Len(b, b.sink.accepted(), 100)

		b.sink.answering(always(reply{status: 503, delay: time.Second}))
		b.fill(100)
		b.d.Wake()
		b.after(5 * time.Second)
		during := len(b.sink.seen()) - 100
		assert.LessOrEqual(b, during, webhook.DefaultParallel+3, "what was in flight, and probes")
		assert.Equal(b, 1, b.log.said("sink is unavailable, probing"))

		b.after(time.Hour)
		b.sink.answering(always(reply{status: 200}))
		b.after(31 * time.Second)
		b.empty()
		assert.Equal(b, 2, b.log.said("sink is up, sending what waits"))
	})
}

func TestRetryAfterOfTheSinkIsRespected(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.sink.answering(always(reply{status: 429, retryAfter: "120"}))
		b.fill(3)
		b.run()
		b.after(5 * time.Minute)
		assert.InDeltaSlice(b, []float64{0, 120, 240}, b.offsets(b.sink.seen()), 1)
	})
}

func TestARestartFlushesWhatWaits(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.fill(20)
		for id := uint64(1); id <= 20; id++ {
			b.queue.change(id, func(r *row) {
				r.key, r.m.Attempts, r.m.FirstAttempt, r.m.NextAttempt = waiting, 8, time.Now(), time.Now().Add(12*time.Hour)
			})
		}
		b.run()
		b.after(time.Second)
		b.empty()
	})
}
