package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webhook"
)

// What operations make of a row that waits for its time is seen soon.
func TestOperationsMayHastenAWaitingRow(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *row)
		within time.Duration
	}{
		"where it waits": {func(r *row) { r.m.NextAttempt = time.Time{} }, 31 * time.Second},
		"back under the due key, as retry does it": {func(r *row) { r.key, r.m.NextAttempt = due, time.Time{} }, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, webhook.Config{Poll: time.Second}, func(b *bench) {
				b.sink.answering(func(d delivery) reply {
					if d.user == 1 {
						return reply{status: 400}
					}
					return reply{status: 200}
				})
				b.fill(2)
				b.run()
				b.after(time.Hour)
				before := len(of(1, b.sink.seen()))
				b.sink.answering(always(reply{status: 200}))
				b.queue.change(1, c.change)
				b.after(c.within)
				assert.Len(b, of(1, b.sink.seen()), before+1)
				b.empty()
			})
		})
	}
}

func TestAJoinThatFailsHidesNobody(t *testing.T) {
	for _, op := range []string{"backlog", "postpone"} {
		t.Run(op, func(t *testing.T) {
			onBench(t, webhook.Config{Poll: time.Second, Retry: webhook.RetryPolicy{Schedule: []time.Duration{24 * time.Hour}}}, func(b *bench) {
				b.sink.answering(poisoned(1, reply{status: 422}))
				b.fill(2)
				b.run()
				b.after(time.Minute)
				b.queue.set(func() { b.queue.fault = breakOn(op) })
				b.queue.insert(event(1, 2))
				b.after(3 * time.Second)
				b.queue.set(func() { b.queue.fault = nil })
				b.after(10 * time.Second)
				r, _ := b.queue.get(3)
				assert.Equal(b, waiting, r.key, "it joins")

				b.queue.set(func() { b.queue.fault = breakOn(op) })
				b.queue.insert(event(1, 3))
				b.after(3 * time.Second)
				b.sink.answering(always(reply{status: 200}))
				b.queue.set(func() { b.queue.fault = nil })
				b.queue.set(func() {
					for _, r := range b.queue.rows { // as retry does it
						r.key, r.m.Attempts, r.m.FirstAttempt, r.m.NextAttempt = due, 0, time.Time{}, time.Time{}
					}
				})
				b.after(10 * time.Second)
				b.empty()
			})
		})
	}
}

func TestNewRowsJoinTheViewerWhoWaits(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		bad := true
		b.sink.answering(func(d delivery) reply {
			if d.user == 1 && bad {
				return reply{status: 422}
			}
			return reply{status: 200}
		})
		b.fill(2)
		b.run()
		b.after(time.Second)
		second := b.queue.insert(event(1, 2))
		b.queue.insert(event(3, 1))
		b.after(time.Second)
		r, _ := b.queue.get(second)
		assert.Equal(b, waiting, r.key)
		assert.Zero(b, r.m.Attempts)
		head, _ := b.queue.get(1)
		assert.Equal(b, 1, head.m.Attempts, "unchanged by those who join")
		assert.Len(b, of(1, b.sink.seen()), 1)
		assert.Len(b, of(3, b.sink.accepted()), 1)

		b.sink.answering(always(reply{status: 200}))
		b.after(4 * time.Second)
		assert.Equal(b, []string{event(1, 1).ID.String(), event(1, 2).ID.String()}, ids(of(1, b.sink.accepted())))
	})
}

// A change that is committed while the viewer's last waiting event is on its way
// puts its own event under the wait key, where no poll sees it.
func TestWhatJoinsDuringTheLastWaitingDeliveryIsNotLate(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.sink.answering(always(reply{err: errRefused}))
		b.fill(1)
		b.run()
		b.after(time.Minute)
		joined := false
		b.sink.answering(func(delivery) reply {
			if !joined {
				joined = true
				b.queue.insertAs(waiting, event(1, 2))
			}
			return reply{status: 200}
		})
		b.after(31 * time.Second) // the next probe, and what follows it
		assert.Len(b, of(1, b.sink.accepted()), 2)
		last := b.sink.accepted()
		assert.Less(b, last[1].at.Sub(last[0].at), time.Second)
		b.empty()
	})
}

func ids(list []delivery) (all []string) {
	for _, d := range list {
		all = append(all, d.id)
	}
	return all
}

func TestJoiningAlsoWhileTheSinkIsDown(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.sink.answering(always(reply{err: errRefused}))
		b.fill(1)
		b.run()
		b.after(time.Minute)
		b.queue.insert(event(1, 2))
		b.after(time.Second)
		assert.Equal(b, 2, b.queue.count(waiting))
	})
}
