package webhook_test

import (
	"cmp"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

var errDatabase = errors.New("database unavailable")

func failAlways(string) error { return errDatabase }

// failOn fails the named operation only.
func failOn(operation string) func(string) error {
	return func(called string) error {
		if called == operation {
			return errDatabase
		}
		return nil
	}
}

func TestShutdownCancelsAttemptWithoutCountingIt(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.receiver.setResponse(always(reply{status: 200, delay: 10 * time.Second}))
		f.insertForUsers(1)
		f.start()
		f.advance(time.Second)
		stopped := time.Now()
		_ = f.stop()
		assert.Zero(f, time.Since(stopped), "immediately")

		r, _ := f.queue.get(1)
		assert.Equal(f, due, r.status)
		assert.Zero(f, r.m.Attempts)
		assert.Empty(f, f.log.lines("webhook_id"), "not logged as an attempt")
		assert.Zero(f, f.dispatcher.Stats().Failed)

		f.start()
		f.advance(11 * time.Second)
		f.assertEmpty()
	})
}

func TestResponseThatHasArrivedIsRecordedDuringShutdown(t *testing.T) {
	for name, status := range map[string]int{"accepted": 200, "failed": 500} {
		t.Run(name, func(t *testing.T) {
			withFixture(t, webhook.Config{}, func(f *fixture) {
				f.insertForUsers(1)
				f.start()
				stop := f.stop
				stopped := make(chan struct{})
				f.receiver.setResponse(always(reply{status: status, delay: time.Second, then: func() {
					go func() { _ = stop(); close(stopped) }()
					time.Sleep(time.Millisecond) // the run has ended before it processes the response
				}}))
				<-stopped
				assert.Len(f, f.receiver.deliveries(), 1)
				if r, left := f.queue.get(1); left {
					assert.Equal(f, 500, status)
					assert.Equal(f, 1, r.m.Attempts)
				}
			})
		})
	}
}

func TestNothingIsSentBeforeTheAttemptIsMarked(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.queue.fail = failOn("MarkAttempt")
		f.insertForUsers(3)
		f.start()
		f.advance(time.Minute)
		assert.Empty(f, f.receiver.deliveries())
		r, _ := f.queue.get(1)
		assert.Zero(f, r.m.Attempts)

		f.queue.set(func() { f.queue.fail = nil })
		f.advance(10 * time.Second)
		assert.ElementsMatch(f, []int{1, 2, 3}, users(f.receiver.deliveries()))
		f.assertEmpty()
	})
}

func TestRowChangedSinceItWasReadIsNotSent(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.queue.fail = func(operation string) error {
			if operation == "MarkAttempt" {
				delete(f.queue.rows, 1) // lost in a database crash
			}
			return nil
		}
		f.insertForUsers(1)
		f.start()
		f.advance(time.Minute)
		assert.Empty(f, f.receiver.deliveries())

		f.queue.set(func() {
			f.queue.fail = func(operation string) error {
				if r := f.queue.rows[2]; operation == "MarkAttempt" && r.m.FirstAttempt.IsZero() {
					r.m.FirstAttempt = time.Now().Add(-time.Hour) // changed by an operator
				}
				return nil
			}
		})
		f.queue.insert(event(2, 1))
		f.advance(time.Minute)
		assert.Len(f, f.receiver.deliveries(), 1)
		assert.Equal(f, 3, f.queue.calls["MarkAttempt"], "once for the first row, twice for the second")
		f.assertEmpty()
	})
}

// A message that was being sent when the service stopped for a long time has its
// full retry budget after the restart.
func TestCanceledAttemptDoesNotStartTheBudget(t *testing.T) {
	withFixture(t, webhook.Config{Retry: webhook.RetryPolicy{Schedule: []time.Duration{time.Minute}, Budget: 24 * time.Hour}}, func(f *fixture) {
		f.receiver.setResponse(always(reply{status: 500, delay: 10 * time.Second}))
		f.insertForUsers(1)
		f.start()
		f.advance(time.Second)
		_ = f.stop()
		f.advance(25 * time.Hour)
		restarted := time.Now()
		f.start()
		f.advance(time.Hour)
		r, _ := f.queue.get(1)
		assert.Equal(f, deferred, r.status)
		assert.Greater(f, r.m.Attempts, 10)
		assert.WithinDuration(f, restarted, r.m.FirstAttempt, time.Minute)
	})
}

func TestAckIsRetriedBeforeTheNextEventIsSent(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.queue.fail = failOn("Ack")
		f.queue.insert(event(1, 1))
		f.queue.insert(event(1, 2))
		f.start()
		f.advance(time.Minute)
		assert.Len(f, f.receiver.deliveries(), 1, "neither the same event again nor the next one")

		f.queue.set(func() { f.queue.fail = nil })
		f.advance(6 * time.Second)
		assert.Len(f, f.receiver.deliveries(), 2)
		f.assertEmpty()
	})
}

func TestFailureIsRecordedWhenTheDatabaseRecovers(t *testing.T) {
	withFixture(t, webhook.Config{Retry: webhook.RetryPolicy{Schedule: []time.Duration{time.Hour}}}, func(f *fixture) {
		f.receiver.setResponse(always(reply{status: 400}))
		f.queue.fail = failOn("Reschedule")
		f.insertForUsers(1)
		f.start()
		f.advance(time.Minute)
		assert.Len(f, f.receiver.deliveries(), 1, "one attempt, however often the write is retried")
		f.queue.set(func() { f.queue.fail = nil })
		f.advance(5 * time.Second)
		r, _ := f.queue.get(1)
		assert.Equal(f, 1, r.m.Attempts)
		assert.Equal(f, deferred, r.status)
	})
}

func TestDatabaseOutageLosesNoEvents(t *testing.T) {
	for _, operation := range []string{"", "DueViewers", "ViewerQueue", "DeferredViewers", "MarkAttempt"} {
		t.Run("failing operation: "+cmp.Or(operation, "all"), func(t *testing.T) {
			withFixture(t, webhook.Config{}, func(f *fixture) {
				f.queue.fail = failAlways
				if operation != "" {
					f.queue.fail = failOn(operation)
				}
				for n := range 3 {
					for user := range 10 {
						f.queue.insert(event(webinar.UserID(user+1), n))
					}
				}
				f.start()
				f.advance(10 * time.Minute)
				switch operation {
				case "":
					assert.Equal(f, 1, f.log.count("outbox reads failing"), "logged once")
					assert.LessOrEqual(f, f.queue.calls["DueViewers"], 150, "and reads are paused")
				case "MarkAttempt":
					assert.Equal(f, 1, f.log.count("outbox writes failing"), "although reads succeed")
					assert.Zero(f, f.log.count("outbox writes recovered"))
				}
				f.queue.set(func() { f.queue.fail = nil })
				f.advance(6 * time.Second)
				assert.Len(f, f.receiver.deliveries(), 30)
				assert.Zero(f, f.dispatcher.Stats().Failed)
				for _, kind := range []string{"reads", "writes"} {
					assert.Equal(f, f.log.count("outbox "+kind+" failing"), f.log.count("outbox "+kind+" recovered"))
				}
				f.assertEmpty()
			})
		})
	}
}

func TestWritesArePausedWhileTheyFail(t *testing.T) {
	withFixture(t, webhook.Config{Poll: 250 * time.Millisecond}, func(f *fixture) {
		f.queue.fail = failOn("MarkAttempt")
		f.insertForUsers(500)
		f.start()
		f.advance(time.Second)
		marked := 0
		f.queue.set(func() { marked = f.queue.calls["MarkAttempt"] })
		assert.InDelta(f, 5, marked, 2)
		f.advance(9 * time.Second)

		// The pause after a failed read does not depend on the failed writes before it.
		readFailed := false
		f.queue.set(func() {
			marked = f.queue.calls["MarkAttempt"]
			f.queue.fail = func(operation string) error {
				if operation == "MarkAttempt" || operation == "DueViewers" && !readFailed {
					readFailed = readFailed || operation == "DueViewers"
					return errDatabase
				}
				return nil
			}
		})
		f.advance(2 * time.Second)
		f.queue.set(func() {
			assert.True(f, readFailed)
			assert.Greater(f, f.queue.calls["MarkAttempt"], marked+5)
			f.queue.fail = nil
		})

		f.receiver.setResponse(always(reply{status: 200, delay: 9 * time.Second}))
		f.advance(time.Second)
		assert.Equal(f, 1, f.log.count("outbox writes recovered"), "before the receiver has responded")
		assert.Empty(f, f.receiver.accepted())
	})
}

func TestQueueErrorOfOneViewerDoesNotDelayOthers(t *testing.T) {
	withFixture(t, webhook.Config{}, func(f *fixture) {
		f.queue.deleted[1] = true
		f.queue.fail = failOn("DiscardDeletedUser")
		f.insertForUsers(50)
		f.start()
		f.advance(30 * time.Second)
		assert.Len(f, f.receiver.accepted(), 49)
		f.queue.insert(event(2, 2))
		f.advance(time.Second)
		assert.Len(f, f.receiver.accepted(), 50)
	})
}

func TestEachAttemptLogsOneLine(t *testing.T) {
	withFixture(t, webhook.Config{Retry: webhook.RetryPolicy{Schedule: []time.Duration{time.Minute}, Budget: 90 * time.Second, Random: noJitter}},
		func(f *fixture) {
			f.receiver.setResponse(failUpTo(1, reply{status: 422}))
			f.insertForUsers(2)
			f.start()
			f.advance(5 * time.Minute)

			lines := f.log.lines("webhook_id")
			require.Len(f, lines, 3)
			for _, line := range lines {
				delete(line, "time")
				delete(line, "duration")
				delete(line, "next_attempt")
			}
			one, two := event(1, 1).ID.String(), event(2, 1).ID.String()
			assert.Equal(f, []map[string]any{
				{"level": "WARN", "msg": "event not delivered", "webhook_id": one, "type": "client_webinar_left", "user": 1.0, "outcome": "rejected", "status": 422.0, "attempt": 1.0},
				{"level": "INFO", "msg": "event delivered", "webhook_id": two, "type": "client_webinar_left", "user": 2.0, "outcome": "accepted", "status": 200.0, "attempt": 1.0},
				{"level": "ERROR", "msg": "event dead-lettered: retry budget exhausted", "webhook_id": one, "type": "client_webinar_left", "user": 1.0, "outcome": "rejected", "status": 422.0, "attempt": 2.0},
			}, lines)
			assert.NotContains(f, f.log.buf.String(), "lead-")
			assert.NotContains(f, f.log.buf.String(), secret)
		})
}
