package telemetry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestProblemsAreInWordsAndSayWhatToDo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	mishap := func(outcome, text string, at time.Time) []DeliveryError {
		return []DeliveryError{{Outcome: outcome, Error: text, LastAt: at}}
	}
	failed := func(reason string) Readiness {
		return Readiness{Status: StatusUnready, Checks: map[string]CheckState{"database": {State: StateFailed, Reason: reason}}}
	}
	for name, tt := range map[string]struct {
		change func(*Status)
		level  Level
		what   string // empty: no problem
	}{
		"all is well":           {func(*Status) {}, OK, ""},
		"the database is gone":  {func(s *Status) { s.Readiness = failed("connection refused") }, Critical, "The database cannot be used: connection refused."},
		"a stop":                {func(s *Status) { s.Readiness.Checks = map[string]CheckState{"running": {State: StateFailed}} }, Warning, "This replica is stopping."},
		"changes turned away":   {func(s *Status) { s.History[60].Refused = 3 }, Critical, "The database cannot keep up: 0 changes wait, 3 were turned away in the last minute."},
		"a long queue":          {func(s *Status) { s.Queue.Queued = 4000 }, Critical, "The database cannot keep up: 4000 changes wait, 0 were turned away in the last minute."},
		"one fault":             {func(s *Status) { s.History[70].Failures = 1 }, Critical, "1 request failed in the last minute, for a reason that was not foreseen."},
		"an old fault":          {func(s *Status) { s.History[0].Failures = 1 }, OK, ""},
		"logins are off":        {func(s *Status) { s.Viewing.LoginsOff = "NONCE_SALT is missing" }, Critical, "WordPress logins are off: NONCE_SALT is missing."},
		"no sink":               {func(s *Status) { s.Delivery, s.Outbox = Delivery{NoReceiver: true}, nil }, Warning, "There is no sink: no event is stored or sent."},
		"events wait for a bit": {func(s *Status) { s.Outbox.Due, s.Age = 5, 2 }, OK, ""},
		"the sink is down": {func(s *Status) {
			s.Delivery.ReceiverUp, s.Outbox.Deferred, s.Age = false, 5, 30
			s.Mishaps = mishap("unavailable", "status 500", now)
		}, Critical, "The sink does not take events (status 500)."},
		"the sink is not tried yet": {func(s *Status) {
			s.Delivery.ReceiverKnown, s.Delivery.ReceiverUp, s.Outbox.Deferred = false, false, 5
			s.Mishaps = mishap("unavailable", "status 500", now.Add(-time.Hour)) // of an earlier term
		}, OK, ""},
		"a lead id is missing before the sink was tried": {func(s *Status) {
			s.Delivery.ReceiverKnown, s.Delivery.ReceiverUp, s.Outbox.Deferred, s.Age = false, false, 1, 30
			s.Mishaps = mishap("no_lead", "no lead id", now)
		}, OK, ""},
		"one viewer's event is refused since a restart": {func(s *Status) {
			s.Delivery.ReceiverKnown, s.Delivery.ReceiverUp, s.Outbox.Deferred, s.Age = false, false, 1, 90
			s.Mishaps = mishap("unavailable", "status 500", now)
		}, Warning, "1 event waits in the outbox, the oldest for 1 minute (status 500)."},
		"for long": {func(s *Status) {
			s.Delivery.ReceiverKnown, s.Delivery.ReceiverUp, s.Outbox.Deferred, s.Age = false, false, 1, 90
			s.Mishaps = mishap("no_lead", "no lead id", now)
		}, Warning, "1 event waits in the outbox, the oldest for 1 minute (no lead id)."},
		"the sink is down and a lead id is missing": {func(s *Status) {
			s.Delivery.ReceiverUp, s.Outbox.Deferred, s.Age = false, 5, 30
			s.Mishaps = append(mishap("no_lead", "no lead id", now), mishap("unavailable", "status 500", now)...)
		}, Critical, "The sink does not take events (status 500)."},
		"another version's events": {func(s *Status) { s.Outbox.Deferred, s.Outbox.UnsupportedVersion = 2, 2 }, Warning, "2 events in the outbox cannot be read by this version."},
		"nobody sends": {func(s *Status) {
			s.Delivery, s.Outbox.Due, s.Outbox.UnledSince = Delivery{}, 1, now.Add(-time.Minute)
		}, Critical, "No replica sends events."},
		"another one sends, late": {func(s *Status) { s.Delivery, s.Outbox.Deferred, s.Age = Delivery{}, 2, 7200 }, Warning, "2 events wait in the outbox, the oldest for 2 hours."},
		"a lead id is missing": {func(s *Status) {
			s.Outbox.Deferred, s.Age, s.Mishaps = 1, 90, mishap("no_lead", "no lead id", now)
		}, Warning, "1 event waits in the outbox, the oldest for 1 minute (no lead id)."},
		"dead events": {func(s *Status) { s.Outbox.Dead = 2 }, Warning, "2 dead events: all attempts were used up, or the row cannot be read."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Status{
				At: now, Queue: Queue{Capacity: 8192}, Delivery: Delivery{IsLeader: true, ReceiverKnown: true, ReceiverUp: true},
				Outbox: &sample{At: now}, History: make([]Sample, 100),
			}
			tt.change(&s)
			list := problems(s)
			if tt.what == "" {
				assert.Empty(t, list)
				return
			}
			if assert.Len(t, list, 1) {
				assert.Equal(t, tt.what, list[0].Summary)
				assert.Equal(t, tt.level, list[0].Level)
				assert.NotEmpty(t, list[0].Action)
			}
		})
	}
}

func TestTheWorstProblemComesFirst(t *testing.T) {
	t.Parallel()
	s := Status{Outbox: &sample{At: time.Now(), OutboxStats: OutboxStats{Dead: 1}}, Queue: Queue{Capacity: 1, Queued: 1}}
	list := problems(s)
	assert.Equal(t, []Level{Critical, Warning}, []Level{list[0].Level, list[1].Level})
	text, err := list[0].Level.MarshalText()
	assert.NoError(t, err)
	assert.Equal(t, "trouble", string(text))
}

func TestDurationsAreInTheUnitThatMatters(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Second: "1 second", 59 * time.Second: "59 seconds", 119 * time.Minute: "119 minutes",
		47 * time.Hour: "47 hours", 7 * 24 * time.Hour: "7 days",
	} {
		assert.Equal(t, want, humanize(d))
	}
}
