package telemetry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/doctor"
	"autowebinar/internal/outbox"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webhook"
)

func TestProblems(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	recent := func(outcome webhook.Outcome, text string, at time.Time) []DeliveryError {
		return []DeliveryError{{Outcome: outcome, Error: text, LastAt: at}}
	}
	failed := func(reason string) Readiness {
		return Readiness{Status: StatusUnready, Checks: map[string]CheckState{"database": {State: StateFailed, Reason: reason}}}
	}
	for name, tt := range map[string]struct {
		change  func(*Status)
		level   Level
		summary string // empty if there is no problem
	}{
		"none":                 {func(*Status) {}, OK, ""},
		"database unavailable": {func(s *Status) { s.Readiness = failed("connection refused") }, Critical, "Database unavailable: connection refused."},
		"shutdown":             {func(s *Status) { s.Readiness.Checks = map[string]CheckState{"running": {State: StateFailed}} }, Warning, "This replica is shutting down."},
		"rejected changes":     {func(s *Status) { s.History[60].Rejected = 3 }, Critical, "Database overloaded: 0 changes queued, 3 rejected in the last minute."},
		"long queue":           {func(s *Status) { s.Queue.Queued = 4000 }, Critical, "Database overloaded: 4000 changes queued, 0 rejected in the last minute."},
		"internal error":       {func(s *Status) { s.History[70].ServerErrors = 1 }, Critical, "1 request failed with an internal error in the last minute."},
		"old internal error":   {func(s *Status) { s.History[0].ServerErrors = 1 }, OK, ""},
		"logins disabled": {func(s *Status) {
			s.Salts = doctor.Finding{State: doctor.Fail, Detail: "NONCE_SALT is missing", Advice: "set it"}
		}, Critical, "WordPress logins disabled: NONCE_SALT is missing."},
		"no receiver":               {func(s *Status) { s.Delivery, s.Outbox = webhook.Stats{}, nil }, Warning, "No receiver configured: events are neither stored nor sent."},
		"events pending for 2 s":    {func(s *Status) { s.Outbox.Due, s.OldestAge = 5, 2 }, OK, ""},
		"events of another version": {func(s *Status) { s.Outbox.Deferred, s.Outbox.UnsupportedVersion = 2, 2 }, Warning, "2 events in the outbox cannot be read by this version."},
		"dead events":               {func(s *Status) { s.Outbox.Dead = 2 }, Warning, "2 dead events: retries exhausted, or the row is corrupt."},
		"receiver down": {func(s *Status) {
			s.Delivery.ReceiverUp, s.Outbox.Deferred, s.OldestAge = false, 5, 30
			s.RecentErrors = recent(webhook.Unavailable, "status 500", now)
		}, Critical, "The receiver is not accepting events (status 500)."},
		"receiver state unknown": {func(s *Status) {
			s.Delivery.ReceiverKnown, s.Delivery.ReceiverUp, s.Outbox.Deferred = false, false, 5
			s.RecentErrors = recent(webhook.Unavailable, "status 500", now.Add(-time.Hour)) // from an earlier term
		}, OK, ""},
		"receiver state unknown, lead id missing": {func(s *Status) {
			s.Delivery.ReceiverKnown, s.Delivery.ReceiverUp, s.Outbox.Deferred, s.OldestAge = false, false, 1, 30
			s.RecentErrors = recent(webhook.NoPayload, "no lead id", now)
		}, OK, ""},
		"receiver state unknown, one viewer's event fails for a minute": {func(s *Status) {
			s.Delivery.ReceiverKnown, s.Delivery.ReceiverUp, s.Outbox.Deferred, s.OldestAge = false, false, 1, 90
			s.RecentErrors = recent(webhook.Unavailable, "status 500", now)
		}, Warning, "1 event pending, the oldest for 1 minute (status 500)."},
		"receiver state unknown, lead id missing for a minute": {func(s *Status) {
			s.Delivery.ReceiverKnown, s.Delivery.ReceiverUp, s.Outbox.Deferred, s.OldestAge = false, false, 1, 90
			s.RecentErrors = recent(webhook.NoPayload, "no lead id", now)
		}, Warning, "1 event pending, the oldest for 1 minute (no lead id)."},
		"receiver down, lead id missing": {func(s *Status) {
			s.Delivery.ReceiverUp, s.Outbox.Deferred, s.OldestAge = false, 5, 30
			s.RecentErrors = append(recent(webhook.NoPayload, "no lead id", now), recent(webhook.Unavailable, "status 500", now)...)
		}, Critical, "The receiver is not accepting events (status 500)."},
		"no leader": {func(s *Status) {
			s.Delivery, s.Outbox.Due, s.Outbox.NoLeaderSince = webhook.Stats{}, 1, now.Add(-time.Minute)
		}, Critical, "No replica is delivering events."},
		"another leader, events pending": {func(s *Status) { s.Delivery, s.Outbox.Deferred, s.OldestAge = webhook.Stats{}, 2, 7200 }, Warning, "2 events pending, the oldest for 2 hours."},
		"lead id missing": {func(s *Status) {
			s.Outbox.Deferred, s.OldestAge, s.RecentErrors = 1, 90, recent(webhook.NoPayload, "no lead id", now)
		}, Warning, "1 event pending, the oldest for 1 minute (no lead id)."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Status{
				At: now, Queue: usermeta.Load{Capacity: 8192}, Delivery: webhook.Stats{Running: true, ReceiverKnown: true, ReceiverUp: true},
				Salts: doctor.Finding{State: doctor.OK}, Outbox: &outboxSnapshot{At: now}, History: make([]Sample, 100),
			}
			tt.change(&s)
			list := problems(s)
			if tt.summary == "" {
				assert.Empty(t, list)
				return
			}
			if assert.Len(t, list, 1) {
				assert.Equal(t, tt.summary, list[0].Summary)
				assert.Equal(t, tt.level, list[0].Level)
				assert.NotEmpty(t, list[0].Action)
			}
		})
	}
}

func TestProblemsAreSortedBySeverity(t *testing.T) {
	t.Parallel()
	s := Status{Salts: doctor.Finding{State: doctor.OK}, Outbox: &outboxSnapshot{At: time.Now(), Stats: outbox.Stats{Dead: 1}}, Queue: usermeta.Load{Capacity: 1, Queued: 1}}
	list := problems(s)
	assert.Equal(t, []Level{Critical, Warning}, []Level{list[0].Level, list[1].Level})
	text, err := list[0].Level.MarshalText()
	assert.NoError(t, err)
	assert.Equal(t, "critical", string(text))
}

func TestHumanize(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Second: "1 second", 59 * time.Second: "59 seconds", 119 * time.Minute: "119 minutes",
		47 * time.Hour: "47 hours", 7 * 24 * time.Hour: "7 days",
	} {
		assert.Equal(t, want, humanize(d))
	}
}
