package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// poisoned answers bad to the viewers up to n, and 200 to the others.
func poisoned(n webinar.UserID, bad reply) func(delivery) reply {
	return func(d delivery) reply {
		if d.user <= n {
			return bad
		}
		return reply{status: 200, delay: 10 * time.Millisecond}
	}
}

func TestABadMessageHoldsUpNobodyElse(t *testing.T) {
	for name, bad := range map[string]reply{
		"500": {status: 500}, "422": {status: 422}, "429": {status: 429, retryAfter: "60"}, "hangs": {delay: time.Hour}, "breaks": {err: errRefused},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, webhook.Config{}, func(b *bench) {
				b.queue.insert(event(2, 1))
				b.run()
				b.after(time.Second)
				b.sink.answering(poisoned(1, bad))
				row := b.queue.insert(event(1, 1))
				b.fill(100)
				b.after(25 * time.Second)
				assert.Len(b, b.sink.accepted(), 99)

				for n := 2; n < 30; n++ { // a busy site
					b.queue.insert(event(webinar.UserID(n), n))
					b.d.Wake()
					b.after(100 * time.Millisecond)
					assert.Len(b, b.sink.accepted(), 98+n, "event %d goes out at once", n)
					b.after(10 * time.Second)
				}
				assert.LessOrEqual(b, len(of(1, b.sink.seen())), 6, "it is tried by its own schedule")
				r, _ := b.queue.get(row)
				assert.Equal(b, waiting, r.key)
				assert.Equal(b, len(of(1, b.sink.seen())), r.m.Attempts)
			})
		})
	}
}

// A whole kind of event may be what the sink cannot take. Its rows, the oldest
// there are, must neither hold up the rest nor be tried over and over.
func TestManyBadMessagesHoldUpNobodyElse(t *testing.T) {
	onBench(t, webhook.Config{Poll: time.Second}, func(b *bench) {
		b.sink.answering(poisoned(60, reply{status: 500, delay: 10 * time.Millisecond}))
		b.fill(300)
		b.run()
		b.after(2 * time.Minute)
		assert.Len(b, b.sink.accepted(), 240)
		assert.LessOrEqual(b, len(b.sink.seen()), 240+60*6)

		for n := 2; n < 20; n++ { // with traffic, each bad one waits by its own schedule
			b.queue.insert(event(300, n))
			b.d.Wake()
			b.after(30 * time.Second)
			assert.Len(b, b.sink.accepted(), 239+n)
		}
	})
}

func TestSlowFailuresLeaveHalfOfThePlaces(t *testing.T) {
	onBench(t, webhook.Config{Parallel: 4, Poll: time.Second}, func(b *bench) {
		b.fill(20)
		b.run()
		b.after(time.Second)
		require.Len(b, b.sink.accepted(), 20)

		// Viewers 1 to 10 time out for ever, the others are quick and steady.
		b.sink.answering(poisoned(10, reply{delay: time.Hour}))
		for user := range 10 {
			b.queue.insert(event(webinar.UserID(user+1), 2))
		}
		b.traffic(2*time.Minute, 2) // how bad they are shows one by one
		quick := b.traffic(10*time.Minute, 1000)
		assert.Less(b, quick, time.Second, "they cannot take all places")
		for user := webinar.UserID(1); user <= 10; user++ {
			assert.GreaterOrEqual(b, len(of(user, b.sink.seen())), 5, "viewer %d is tried, too", user)
		}
	})
}

// traffic makes two events a second for the viewers 11 to 20, numbered from n,
// and returns the longest time it took one of them to be accepted.
func (b *bench) traffic(d time.Duration, n int) (longest time.Duration) {
	made := map[string]time.Time{}
	for end := time.Now().Add(d); time.Now().Before(end); n++ {
		e := event(webinar.UserID(11+n%10), n)
		b.queue.insert(e)
		made[e.ID.String()] = time.Now()
		b.d.Wake()
		b.after(500 * time.Millisecond)
	}
	for _, d := range b.sink.accepted() {
		if at, ok := made[d.id]; ok {
			longest = max(longest, d.at.Sub(at))
			delete(made, d.id)
		}
	}
	if len(made) > 1 {
		return time.Hour
	}
	return longest
}

func TestAloneItIsTriedEvery30SecondsUntilOthersAreAccepted(t *testing.T) {
	onBench(t, webhook.Config{Poll: time.Second}, func(b *bench) {
		b.fill(2)
		b.run()
		b.after(time.Minute)
		b.sink.answering(poisoned(1, reply{status: 500}))
		b.queue.insert(event(1, 2))
		b.after(30 * time.Minute)
		quiet := len(of(1, b.sink.seen()))
		assert.InDelta(b, 60, quiet, 6, "it may be the sink: 30 s at most")

		b.queue.insert(event(2, 2)) // it isn't
		b.after(30 * time.Minute)
		assert.LessOrEqual(b, len(of(1, b.sink.seen())), quiet+2, "from now on by its own schedule")
	})
}

func TestBudgetSpentIsDeadAndBlocksNobody(t *testing.T) {
	retry := webhook.RetryPolicy{Schedule: []time.Duration{10 * time.Second, time.Minute}, Budget: 5 * time.Minute, Random: func() float64 { return 0.5 }}
	for name, down := range map[string]reply{"rejected": {status: 400}, "unavailable": {status: 500}} {
		t.Run(name, func(t *testing.T) {
			onBench(t, webhook.Config{Retry: retry}, func(b *bench) {
				bad := event(1, 1).ID.String()
				b.sink.answering(func(d delivery) reply {
					if d.id == bad {
						return down
					}
					return reply{status: 200}
				})
				b.queue.insert(event(1, 1))
				b.queue.insert(event(1, 2))
				b.queue.insert(event(1, 3))
				b.queue.insert(event(2, 1))
				b.run()
				b.after(10 * time.Minute)

				r, _ := b.queue.get(1)
				assert.Equal(b, dead, r.key)
				tries := of(1, b.sink.seen())
				assert.Equal(b, r.m.Attempts, len(tries)-2)
				assert.WithinDuration(b, r.m.FirstAttempt.Add(retry.Budget), tries[len(tries)-1].at, time.Minute)
				assert.Len(b, of(1, b.sink.accepted()), 2, "those behind it go on")
				assert.Equal(b, uint64(1), b.d.Stats().Dead)
				assert.Equal(b, 1, b.log.said("event is dead: operations must decide"))
				b.empty()
			})
		})
	}
}
