package webhook_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// weather is what goes wrong in a while of the property test.
type weather struct {
	Statuses []int         // answers, in turn; 0: the connection breaks
	Delay    time.Duration // of each answer
	Queue    []bool        // statements that fail, in turn
	Restart  bool          // the term ends in the middle, and another begins
	Insert   []int         // viewers something happens to
	Lasts    time.Duration
}

func drawWeather(rt *rapid.T) weather {
	return weather{
		Statuses: rapid.SliceOfN(rapid.SampledFrom([]int{0, 200, 200, 202, 302, 400, 410, 429, 500, 503}), 1, 8).Draw(rt, "statuses"),
		Delay:    rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Second, 16 * time.Second}).Draw(rt, "delay"),
		Queue:    rapid.SliceOfN(rapid.SampledFrom([]bool{false, false, false, true}), 1, 8).Draw(rt, "queue"),
		Restart:  rapid.Bool().Draw(rt, "restart"),
		Insert:   rapid.SliceOfN(rapid.IntRange(1, 6), 0, 12).Draw(rt, "insert"),
		Lasts:    rapid.SampledFrom([]time.Duration{10 * time.Millisecond, time.Second, 40 * time.Second}).Draw(rt, "lasts"),
	}
}

// Whatever goes wrong on the way, each viewer's events are first accepted in
// the order of their rows, and in the end nothing is lost.
func TestOrderAndCompletenessInAnyWeather(t *testing.T) {
	t.Parallel()
	retry := webhook.RetryPolicy{Schedule: []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute}}
	rapid.Check(t, func(rt *rapid.T) {
		weathers := rapid.SliceOfN(rapid.Custom(drawWeather), 1, 6).Draw(rt, "weathers")
		var wrong error
		synctest.Test(t, func(t *testing.T) {
			wrong = live(newBench(t, webhook.Config{Parallel: 3, Poll: time.Second, Retry: retry}), weathers)
		})
		if wrong != nil {
			rt.Fatal(wrong)
		}
	})
}

// live takes a bench through the weathers and then a fine day.
func live(b *bench, weathers []weather) error {
	inserted := map[webinar.UserID][]string{}
	n := 0
	b.run()
	for _, w := range weathers {
		b.endure(w)
		for _, user := range w.Insert {
			n++
			e := event(webinar.UserID(user), n)
			b.queue.insert(e)
			inserted[e.User] = append(inserted[e.User], e.ID.String())
		}
		b.d.Wake()
		b.after(w.Lasts)
		if w.Restart {
			_ = b.stop()
			b.run()
		}
	}
	b.queue.set(func() { b.queue.fault = nil })
	b.sink.answering(always(reply{status: 200}))
	b.after(15 * time.Minute)
	_ = b.stop()

	for user, want := range inserted {
		if got := ids(of(user, b.sink.accepted())); !assert.ObjectsAreEqual(want, got) {
			return fmt.Errorf("viewer %d: happened %v, accepted %v", user, want, got)
		}
	}
	if left := b.queue.count(due) + b.queue.count(waiting) + b.queue.count(dead); left > 0 {
		return fmt.Errorf("%d rows are left", left)
	}
	return nil
}

func (b *bench) endure(w weather) {
	answers, statements := 0, 0
	b.queue.set(func() {
		b.queue.fault = func(string) error {
			if statements++; w.Queue[statements%len(w.Queue)] {
				return errDatabase
			}
			return nil
		}
	})
	b.sink.answering(func(delivery) reply {
		answers++
		r := reply{status: w.Statuses[answers%len(w.Statuses)], delay: w.Delay}
		if r.status == 0 {
			r.err = errRefused
		}
		return r
	})
}

func TestAViewersNextEventIsNeverSentBeforeTheFirstIsAccepted(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.sink.answering(always(reply{status: 503}))
		for n := range 3 {
			b.queue.insert(event(1, n))
		}
		b.run()
		b.after(time.Minute)
		require.NotEmpty(b, b.sink.seen())
		for _, d := range b.sink.seen() {
			assert.Equal(b, event(1, 0).ID.String(), d.id)
		}
	})
}
