package telemetry

import (
	"slices"
	"sync"
	"time"

	"autowebinar/internal/clock"
)

// Attempt is one attempt to deliver an event to the receiver.
type Attempt struct {
	Type, WebhookID string
	User            uint64
	Outcome         string
	Accepted        bool
	Canceled        bool          // by a shutdown; not a failure
	Error           string        // short; empty if accepted
	Took            time.Duration // until the response
	Age             time.Duration // of the event; negative counts as zero
}

// AttemptDone counts an attempt.
func (m *Metrics) AttemptDone(a Attempt) {
	m.attempts.WithLabelValues(a.Type, a.Outcome).Inc()
	m.attemptTime.Observe(a.Took.Seconds())
	switch {
	case a.Canceled:
	case a.Accepted:
		age := max(a.Age, 0)
		m.deliveryLag.Observe(age.Seconds())
		m.maxLag.add(age)
	default:
		m.recentErrors.add(a, clock.Now())
	}
}

// DeliveryError groups the failed attempts that have the same outcome and error.
// Type, WebhookID and User are those of the latest.
type DeliveryError struct {
	Error     string    `json:"error"`
	Outcome   string    `json:"outcome"`
	Count     int       `json:"count"` // since the error entered the list
	LastAt    time.Time `json:"last_at"`
	Type      string    `json:"type"`
	WebhookID string    `json:"webhook_id"`
	User      uint64    `json:"user"`
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

func (r *recentErrors) add(a Attempt, now time.Time) {
	latest := DeliveryError{
		Error: a.Error[:min(len(a.Error), maxErrorLength)], Outcome: a.Outcome, Count: 1, LastAt: now.UTC(),
		Type: a.Type, WebhookID: a.WebhookID, User: a.User,
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
	mu  sync.Mutex
	lag time.Duration
	any bool
}

func (m *maxLag) add(lag time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lag, m.any = max(m.lag, lag), true
}

// take returns the value and resets it; ok is false if no event was accepted.
func (m *maxLag) take() (lag time.Duration, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lag, ok = m.lag, m.any
	m.lag, m.any = 0, false
	return lag, ok
}
