package telemetry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestProblemsAreInWordsAndSayWhatToDo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	mishap := func(outcome, text string, at time.Time) []Mishap {
		return []Mishap{{Outcome: outcome, Error: text, LastAt: at}}
	}
	failed := func(reason string) Readiness {
		return Readiness{Status: StatusUnready, Checks: map[string]CheckState{"database": {State: StateFailed, Reason: reason}}}
	}
	for name, tt := range map[string]struct {
		change func(*Status)
		level  Level
		what   string // empty: no problem
	}{
		"all is well":           {func(*Status) {}, Well, ""},
		"the database is gone":  {func(s *Status) { s.Readiness = failed("connection refused") }, Trouble, "The database cannot be used: connection refused."},
		"a stop":                {func(s *Status) { s.Readiness.Checks = map[string]CheckState{"running": {State: StateFailed}} }, Warning, "This replica is stopping."},
		"changes turned away":   {func(s *Status) { s.History[60].Refused = 3 }, Trouble, "The database cannot keep up: 0 changes wait, 3 were turned away in the last minute."},
		"a long queue":          {func(s *Status) { s.Queue.Waiting = 4000 }, Trouble, "The database cannot keep up: 4000 changes wait, 0 were turned away in the last minute."},
		"one fault":             {func(s *Status) { s.History[70].Failures = 1 }, Trouble, "1 request failed in the last minute, for a reason that was not foreseen."},
		"an old fault":          {func(s *Status) { s.History[0].Failures = 1 }, Well, ""},
		"logins are off":        {func(s *Status) { s.Viewing.LoginsOff = "NONCE_SALT is missing" }, Trouble, "WordPress logins are off: NONCE_SALT is missing."},
		"no sink":               {func(s *Status) { s.Delivery, s.Outbox = Delivery{NoSink: true}, nil }, Warning, "There is no sink: no event is stored or sent."},
		"events wait for a bit": {func(s *Status) { s.Outbox.Due, s.Age = 5, 2 }, Well, ""},
		"the sink is down": {func(s *Status) {
			s.Delivery.SinkUp, s.Outbox.Waiting, s.Age = false, 5, 30
			s.Mishaps = mishap("unavailable", "status 500", now)
		}, Trouble, "The sink does not take events (status 500)."},
		"the sink is not tried yet": {func(s *Status) {
			s.Delivery.SinkKnown, s.Delivery.SinkUp, s.Outbox.Waiting = false, false, 5
			s.Mishaps = mishap("unavailable", "status 500", now.Add(-time.Hour)) // of an earlier term
		}, Well, ""},
		"a lead id is missing before the sink was tried": {func(s *Status) {
			s.Delivery.SinkKnown, s.Delivery.SinkUp, s.Outbox.Waiting, s.Age = false, false, 1, 30
			s.Mishaps = mishap("unsendable", "no lead id", now)
		}, Well, ""},
		"one viewer's event is refused since a restart": {func(s *Status) {
			s.Delivery.SinkKnown, s.Delivery.SinkUp, s.Outbox.Waiting, s.Age = false, false, 1, 90
			s.Mishaps = mishap("unavailable", "status 500", now)
		}, Warning, "1 event waits in the outbox, the oldest for 1 minute (status 500)."},
		"for long": {func(s *Status) {
			s.Delivery.SinkKnown, s.Delivery.SinkUp, s.Outbox.Waiting, s.Age = false, false, 1, 90
			s.Mishaps = mishap("unsendable", "no lead id", now)
		}, Warning, "1 event waits in the outbox, the oldest for 1 minute (no lead id)."},
		"the sink is down and a lead id is missing": {func(s *Status) {
			s.Delivery.SinkUp, s.Outbox.Waiting, s.Age = false, 5, 30
			s.Mishaps = append(mishap("unsendable", "no lead id", now), mishap("unavailable", "status 500", now)...)
		}, Trouble, "The sink does not take events (status 500)."},
		"another version's events": {func(s *Status) { s.Outbox.Waiting, s.Outbox.Held = 2, 2 }, Warning, "2 events in the outbox cannot be read by this version."},
		"nobody sends": {func(s *Status) {
			s.Delivery, s.Outbox.Due, s.Outbox.UnledSince = Delivery{}, 1, now.Add(-time.Minute)
		}, Trouble, "No replica sends events."},
		"another one sends, late": {func(s *Status) { s.Delivery, s.Outbox.Waiting, s.Age = Delivery{}, 2, 7200 }, Warning, "2 events wait in the outbox, the oldest for 2 hours."},
		"a lead id is missing": {func(s *Status) {
			s.Outbox.Waiting, s.Age, s.Mishaps = 1, 90, mishap("unsendable", "no lead id", now)
		}, Warning, "1 event waits in the outbox, the oldest for 1 minute (no lead id)."},
		"dead events": {func(s *Status) { s.Outbox.Dead = 2 }, Warning, "2 dead events: all attempts were used up, or the row cannot be read."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Status{
				At: now, Queue: Queue{Room: 8192}, Delivery: Delivery{Leads: true, SinkKnown: true, SinkUp: true},
				Outbox: &counted{At: now}, History: make([]Sample, 100),
			}
			tt.change(&s)
			list := problems(s)
			if tt.what == "" {
				assert.Empty(t, list)
				return
			}
			if assert.Len(t, list, 1) {
				assert.Equal(t, tt.what, list[0].What)
				assert.Equal(t, tt.level, list[0].Level)
				assert.NotEmpty(t, list[0].Do)
			}
		})
	}
}

func TestTheWorstProblemComesFirst(t *testing.T) {
	t.Parallel()
	s := Status{Outbox: &counted{At: time.Now(), Census: Census{Dead: 1}}, Queue: Queue{Room: 1, Waiting: 1}}
	list := problems(s)
	assert.Equal(t, []Level{Trouble, Warning}, []Level{list[0].Level, list[1].Level})
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
		assert.Equal(t, want, rounded(d))
	}
}
