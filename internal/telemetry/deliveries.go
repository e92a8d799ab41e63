package telemetry

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/clock"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// AttemptDone counts an attempt to deliver an event.
func (m *Metrics) AttemptDone(event webinar.Event, result webhook.AttemptResult) {
	m.attempts.WithLabelValues(string(event.Type), string(result.Outcome)).Inc()
	m.attemptTime.Observe(result.Duration.Seconds())
	now := clock.Now()
	switch result.Outcome {
	case webhook.Canceled:
	case webhook.Accepted:
		age := max(now.Sub(event.At), 0)
		m.deliveryLag.Observe(age.Seconds())
		m.maxLag.add(age)
	default:
		m.recentErrors.add(event, result, now)
	}
}

// DeliveryError groups the failed attempts that have the same outcome and error.
// Type, WebhookID and User are those of the latest.
type DeliveryError struct {
	Error     string            `json:"error"`
	Outcome   webhook.Outcome   `json:"outcome"`
	Count     int               `json:"count"` // since the error entered the list
	LastAt    time.Time         `json:"last_at"`
	Type      webinar.EventType `json:"type"`
	WebhookID uuid.UUID         `json:"webhook_id"`
	User      webinar.UserID    `json:"user"`
}

// recentErrors keeps the latest distinct delivery errors, the most recent first.
type recentErrors struct {
	mu   sync.Mutex
	list []DeliveryError
}

const (
	maxRecentErrors = 8
	maxErrorLength  = 300
)

func (r *recentErrors) add(event webinar.Event, result webhook.AttemptResult, now time.Time) {
	reason := result.Reason()
	latest := DeliveryError{
		Error: reason[:min(len(reason), maxErrorLength)], Outcome: result.Outcome, Count: 1, LastAt: now.UTC(),
		Type: event.Type, WebhookID: event.ID, User: event.User,
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	same := func(e DeliveryError) bool { return e.Error == latest.Error && e.Outcome == latest.Outcome }
	if i := slices.IndexFunc(r.list, same); i >= 0 {
		latest.Count += r.list[i].Count
		r.list = slices.Delete(r.list, i, i+1)
	}
	r.list = slices.Insert(r.list, 0, latest)
	r.list = r.list[:min(len(r.list), maxRecentErrors)]
}

func (r *recentErrors) snapshot() []DeliveryError {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]DeliveryError{}, r.list...)
}

// maxLag is the largest age of the events accepted since it was last taken.
type maxLag struct {
	mu    sync.Mutex
	lag   time.Duration
	known bool
}

func (m *maxLag) add(lag time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lag, m.known = max(m.lag, lag), true
}

// take returns the value and resets it; ok is false if no event was accepted.
func (m *maxLag) take() (lag time.Duration, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lag, ok = m.lag, m.known
	m.lag, m.known = 0, false
	return lag, ok
}
