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
		lag := max(now.Sub(event.At).Seconds(), 0)
		m.deliveryLag.Observe(lag)
		m.maxLag.add(lag)
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

// maxLag is the largest age, in seconds, of the events accepted since it was last
// taken; -1 if there were none.
type maxLag struct {
	mu  sync.Mutex
	lag float64
}

func (m *maxLag) add(lag float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lag = max(m.lag, lag)
}

// take returns the value and resets it.
func (m *maxLag) take() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	lag := m.lag
	m.lag = -1
	return lag
}
