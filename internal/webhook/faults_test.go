package webhook_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

var errDatabase = errors.New("database is away")

func broken(string) error { return errDatabase }

// breakOn fails the named statement only.
func breakOn(op string) func(string) error {
	return func(called string) error {
		if called == op {
			return errDatabase
		}
		return nil
	}
}

func TestShutdownCutsAnAttemptOffAndDoesNotCountIt(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.sink.answering(always(reply{status: 200, delay: 10 * time.Second}))
		b.fill(1)
		b.run()
		b.after(time.Second)
		stopped := time.Now()
		_ = b.stop()
		assert.Zero(b, time.Since(stopped), "at once")

		r, _ := b.queue.get(1)
		assert.Equal(b, due, r.key)
		assert.Zero(b, r.m.Attempts)
		assert.Empty(b, b.log.lines("webhook_id"), "no attempt, no line")
		assert.Zero(b, b.d.Stats().Failed)

		b.run() // the next term
		b.after(11 * time.Second)
		b.empty()
	})
}

func TestAnAnswerThatArrivedIsSettledInSpiteOfTheShutdown(t *testing.T) {
	for name, status := range map[string]int{"accepted": 200, "failed": 500} {
		t.Run(name, func(t *testing.T) {
			onBench(t, webhook.Config{}, func(b *bench) {
				b.fill(1)
				b.run()
				end := b.stop
				stopped := make(chan struct{})
				b.sink.answering(always(reply{status: status, delay: time.Second, then: func() {
					go func() { _ = end(); close(stopped) }()
					time.Sleep(time.Millisecond) // the term is over before the answer is looked at
				}}))
				<-stopped
				assert.Len(b, b.sink.seen(), 1)
				if r, left := b.queue.get(1); left {
					assert.Equal(b, 500, status)
					assert.Equal(b, 1, r.m.Attempts)
				}
			})
		})
	}
}

// What might be forgotten by the database is not told to anybody.
func TestNothingIsSentBeforeItsBeginningIsWritten(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.queue.fault = breakOn("begin")
		b.fill(3)
		b.run()
		b.after(time.Minute)
		assert.Empty(b, b.sink.seen())
		r, _ := b.queue.get(1)
		assert.Zero(b, r.m.Attempts)

		b.queue.set(func() { b.queue.fault = nil })
		b.after(10 * time.Second)
		assert.ElementsMatch(b, []int{1, 2, 3}, users(b.sink.seen()))
		b.empty()
	})
}

func TestARowThatIsNotAsItWasReadIsNotSent(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.queue.fault = func(op string) error {
			if op == "begin" {
				delete(b.queue.rows, 1) // a crash has taken it back
			}
			return nil
		}
		b.fill(1)
		b.run()
		b.after(time.Minute)
		assert.Empty(b, b.sink.seen())

		b.queue.set(func() {
			b.queue.fault = func(op string) error {
				if r := b.queue.rows[2]; op == "begin" && r.m.FirstAttempt.IsZero() {
					r.m.FirstAttempt = time.Now().Add(-time.Hour) // somebody else's hand
				}
				return nil
			}
		})
		b.queue.insert(event(2, 1))
		b.after(time.Minute)
		assert.Len(b, b.sink.seen(), 1)
		assert.Equal(b, 3, b.queue.calls["begin"], "of the first, and twice of the second")
		b.empty()
	})
}

// Only attempts that were made are counted, and time: a message that was being
// sent when the service was switched off for long has its whole budget before it.
func TestAnAttemptCutOffBeginsNoBudget(t *testing.T) {
	onBench(t, webhook.Config{Retry: webhook.RetryPolicy{Schedule: []time.Duration{time.Minute}, Budget: 24 * time.Hour}}, func(b *bench) {
		b.sink.answering(always(reply{status: 500, delay: 10 * time.Second}))
		b.fill(1)
		b.run()
		b.after(time.Second)
		_ = b.stop()
		b.after(25 * time.Hour)
		restarted := time.Now()
		b.run()
		b.after(time.Hour)
		r, _ := b.queue.get(1)
		assert.Equal(b, waiting, r.key)
		assert.Greater(b, r.m.Attempts, 10)
		assert.WithinDuration(b, restarted, r.m.FirstAttempt, time.Minute)
	})
}

func TestAcceptIsRepeatedBeforeAnythingElseOfTheViewer(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.queue.fault = breakOn("accept")
		b.queue.insert(event(1, 1))
		b.queue.insert(event(1, 2))
		b.run()
		b.after(time.Minute)
		assert.Len(b, b.sink.seen(), 1, "neither repeated nor followed")

		b.queue.set(func() { b.queue.fault = nil })
		b.after(6 * time.Second)
		assert.Len(b, b.sink.seen(), 2)
		b.empty()
	})
}

func TestAFailureThatCannotBeWrittenIsWrittenLater(t *testing.T) {
	onBench(t, webhook.Config{Retry: webhook.RetryPolicy{Schedule: []time.Duration{time.Hour}}}, func(b *bench) {
		b.sink.answering(always(reply{status: 400}))
		b.queue.fault = breakOn("postpone")
		b.fill(1)
		b.run()
		b.after(time.Minute)
		assert.Len(b, b.sink.seen(), 1, "one attempt, however often it is written")
		b.queue.set(func() { b.queue.fault = nil })
		b.after(5 * time.Second)
		r, _ := b.queue.get(1)
		assert.Equal(b, 1, r.m.Attempts)
		assert.Equal(b, waiting, r.key)
	})
}

func TestDatabaseAwayLosesNothingAndCountsNothing(t *testing.T) {
	for _, op := range []string{"", "due", "backlog", "waiting", "begin"} {
		t.Run("away: "+op, func(t *testing.T) {
			onBench(t, webhook.Config{}, func(b *bench) {
				b.queue.fault = broken
				if op != "" {
					b.queue.fault = breakOn(op)
				}
				for n := range 3 {
					for user := range 10 {
						b.queue.insert(event(webinar.UserID(user+1), n))
					}
				}
				b.run()
				b.after(10 * time.Minute)
				switch op {
				case "":
					assert.Equal(b, 1, b.log.said("event queue cannot be read"), "said once")
					assert.LessOrEqual(b, b.queue.calls["due"], 150, "and left alone")
				case "begin":
					assert.Equal(b, 1, b.log.said("event queue cannot be written"), "although it can be read")
					assert.Zero(b, b.log.said("event queue can be written again"))
				}
				b.queue.set(func() { b.queue.fault = nil })
				b.after(6 * time.Second)
				assert.Len(b, b.sink.seen(), 30)
				assert.Zero(b, b.d.Stats().Failed)
				for _, what := range []string{"read", "written"} {
					assert.Equal(b, b.log.said("event queue cannot be "+what), b.log.said("event queue can be "+what+" again"))
				}
				b.empty()
			})
		})
	}
}

func TestADatabaseThatOnlyReadsIsLeftAlone(t *testing.T) {
	onBench(t, webhook.Config{Poll: 250 * time.Millisecond}, func(b *bench) {
		b.queue.fault = breakOn("begin")
		b.fill(500)
		b.run()
		b.after(time.Second)
		begun := 0
		b.queue.set(func() { begun = b.queue.calls["begin"] })
		assert.InDelta(b, 5, begun, 2)
		b.after(9 * time.Second)

		// However long that was, one read that fails is followed by another soon.
		broke := false
		b.queue.set(func() {
			begun = b.queue.calls["begin"]
			b.queue.fault = func(op string) error {
				if op == "begin" || op == "due" && !broke {
					broke = broke || op == "due"
					return errDatabase
				}
				return nil
			}
		})
		b.after(2 * time.Second)
		b.queue.set(func() {
			assert.True(b, broke)
			assert.Greater(b, b.queue.calls["begin"], begun+5)
			b.queue.fault = nil
		})

		b.sink.answering(always(reply{status: 200, delay: 9 * time.Second}))
		b.after(time.Second)
		assert.Equal(b, 1, b.log.said("event queue can be written again"), "before the sink has answered")
		assert.Empty(b, b.sink.accepted())
	})
}

func TestOneViewerWhoCannotBeReadHoldsUpNobody(t *testing.T) {
	onBench(t, webhook.Config{}, func(b *bench) {
		b.queue.gone[1] = true
		b.queue.fault = breakOn("withdraw")
		b.fill(50)
		b.run()
		b.after(30 * time.Second)
		assert.Len(b, b.sink.accepted(), 49)
		b.queue.insert(event(2, 2))
		b.after(time.Second)
		assert.Len(b, b.sink.accepted(), 50)
	})
}

func TestOneLogLineAnAttempt(t *testing.T) {
	onBench(t, webhook.Config{Retry: webhook.RetryPolicy{Schedule: []time.Duration{time.Minute}, Budget: 90 * time.Second, Random: func() float64 { return 0.5 }}},
		func(b *bench) {
			b.sink.answering(poisoned(1, reply{status: 422}))
			b.fill(2)
			b.run()
			b.after(5 * time.Minute)

			lines := b.log.lines("webhook_id")
			require.Len(b, lines, 3)
			for _, line := range lines {
				delete(line, "time")
				delete(line, "duration")
				delete(line, "next_attempt")
			}
			one, two := event(1, 1).ID.String(), event(2, 1).ID.String()
			assert.Equal(b, []map[string]any{
				{"level": "WARN", "msg": "event not delivered", "webhook_id": one, "type": "client_webinar_left", "user": 1.0, "outcome": "rejected", "status": 422.0, "attempt": 1.0},
				{"level": "INFO", "msg": "event delivered", "webhook_id": two, "type": "client_webinar_left", "user": 2.0, "outcome": "accepted", "status": 200.0, "attempt": 1.0},
				{"level": "ERROR", "msg": "event is dead: operations must decide", "webhook_id": one, "type": "client_webinar_left", "user": 1.0, "outcome": "rejected", "status": 422.0, "attempt": 2.0},
			}, lines)
			assert.NotContains(b, b.log.buf.String(), "lead-")
			assert.NotContains(b, b.log.buf.String(), secret)
		})
}
