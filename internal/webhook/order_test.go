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

// phase is a period of the property test with its failures.
type phase struct {
	Statuses      []int         // statuses of the responses, repeated; 0 if the connection fails
	Delay         time.Duration // of each response
	QueueFailures []bool        // whether each operation of the queue fails, repeated
	Restart       bool          // at the end of the phase
	Insert        []int         // viewers who get an event
	Duration      time.Duration
}

func drawPhase(rt *rapid.T) phase {
	return phase{
		Statuses:      rapid.SliceOfN(rapid.SampledFrom([]int{0, 200, 200, 202, 302, 400, 410, 429, 500, 503}), 1, 8).Draw(rt, "statuses"),
		Delay:         rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Second, 16 * time.Second}).Draw(rt, "delay"),
		QueueFailures: rapid.SliceOfN(rapid.SampledFrom([]bool{false, false, false, true}), 1, 8).Draw(rt, "queue failures"),
		Restart:       rapid.Bool().Draw(rt, "restart"),
		Insert:        rapid.SliceOfN(rapid.IntRange(1, 6), 0, 12).Draw(rt, "insert"),
		Duration:      rapid.SampledFrom([]time.Duration{10 * time.Millisecond, time.Second, 40 * time.Second}).Draw(rt, "duration"),
	}
}

// With any failures, the events of each viewer are first accepted in the order
// of their rows, and none is lost.
func TestOrderAndCompletenessDuringFailures(t *testing.T) {
	t.Parallel()
	retry := webhook.RetryPolicy{Schedule: []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute}}
	rapid.Check(t, func(rt *rapid.T) {
		phases := rapid.SliceOfN(rapid.Custom(drawPhase), 1, 6).Draw(rt, "phases")
		var err error
		synctest.Test(t, func(t *testing.T) {
			err = newFixture(t, webhook.Config{Parallel: 3, Poll: time.Second, Retry: retry}).simulate(phases)
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// simulate runs the phases and then 15 minutes without failures.
func (f *fixture) simulate(phases []phase) error {
	inserted := map[webinar.UserID][]string{}
	n := 0
	f.start()
	for _, p := range phases {
		f.begin(p)
		for _, user := range p.Insert {
			n++
			e := event(webinar.UserID(user), n)
			f.queue.insert(e)
			inserted[e.User] = append(inserted[e.User], e.ID.String())
		}
		f.dispatcher.Wake()
		f.advance(p.Duration)
		if p.Restart {
			_ = f.stop()
			f.start()
		}
	}
	f.queue.set(func() { f.queue.fail = nil })
	f.receiver.setResponse(always(reply{status: 200}))
	f.advance(15 * time.Minute)
	_ = f.stop()

	for user, want := range inserted {
		if got := ids(forUser(user, f.receiver.accepted())); !assert.ObjectsAreEqual(want, got) {
			return fmt.Errorf("viewer %d: inserted %v, accepted %v", user, want, got)
		}
	}
	if left := f.queue.count(due) + f.queue.count(deferred) + f.queue.count(dead); left > 0 {
		return fmt.Errorf("%d rows are left", left)
	}
	return nil
}

// begin sets the failures of a phase.
func (f *fixture) begin(p phase) {
	requests, operations := 0, 0
	f.queue.set(func() {
		f.queue.fail = func(string) error {
			if operations++; p.QueueFailures[operations%len(p.QueueFailures)] {
				return errDatabase
			}
			return nil
		}
	})
	f.receiver.setResponse(func(delivery) reply {
		requests++
		r := reply{status: p.Statuses[requests%len(p.Statuses)], delay: p.Delay}
		if r.status == 0 {
			r.err = errRefused
		}
		return r
	})
}

func TestNextEventIsNotSentBeforeTheFirstIsAccepted(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.receiver.setResponse(always(reply{status: 503}))
		for n := range 3 {
			f.queue.insert(event(1, n))
		}
		f.start()
		f.advance(time.Minute)
		require.NotEmpty(f, f.receiver.deliveries())
		for _, d := range f.receiver.deliveries() {
			assert.Equal(f, event(1, 0).ID.String(), d.id)
		}
	})
}
