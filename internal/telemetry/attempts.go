package telemetry

import (
	"slices"
	"sync"
	"time"
)

// Attempt is one attempt to give an event to the sink.
type Attempt struct {
	Type, WebhookID string
	User            uint64
	Outcome         string
	Accepted        bool
	Interrupted     bool          // by a stop: it does not count
	Error           string        // in a few words; empty if accepted
	Took            time.Duration // until the answer
	Age             time.Duration // of the event, now; negative is zero
}

// Attempted counts an attempt.
func (m *Metrics) AttemptDone(a Attempt) {
	m.attempts.WithLabelValues(a.Type, a.Outcome).Inc()
	m.attemptTime.Observe(a.Took.Seconds())
	switch {
	case a.Interrupted:
	case a.Accepted:
		age := max(a.Age, 0)
		m.deliveryLag.Observe(age.Seconds())
		for {
			was := m.slowest.Load()
			if was > int64(age) || m.slowest.CompareAndSwap(was, int64(age)+1) {
				break
			}
		}
	default:
		m.attemptsFailed.Add(1)
		m.mishaps.add(a, time.Now())
	}
}

// Mishap is a way in which attempts failed lately.
type DeliveryError struct {
	Error     string    `json:"error"`
	Outcome   string    `json:"outcome"`
	Times     int       `json:"times"` // in a row, no other being among the ones kept
	LastAt    time.Time `json:"last_at"`
	Type      string    `json:"type"`       // of the last one
	WebhookID string    `json:"webhook_id"` // of the last one
	User      uint64    `json:"user"`       // of the last one
}

// mishaps keeps the last few ways in which attempts failed, the latest first.
type mishaps struct {
	mu   sync.Mutex
	kept []DeliveryError
}

const (
	maxMishaps    = 8
	maxErrorShown = 300
)

func (m *mishaps) add(a Attempt, now time.Time) {
	text := a.Error[:min(len(a.Error), maxErrorShown)]
	m.mu.Lock()
	defer m.mu.Unlock()
	latest := DeliveryError{
		Error: text, Outcome: a.Outcome, Times: 1, LastAt: now.UTC(),
		Type: a.Type, WebhookID: a.WebhookID, User: a.User,
	}
	same := func(k DeliveryError) bool { return k.Error == text && k.Outcome == a.Outcome }
	if i := slices.IndexFunc(m.kept, same); i >= 0 {
		latest.Times += m.kept[i].Times
		m.kept = slices.Delete(m.kept, i, i+1)
	}
	m.kept = slices.Insert(m.kept, 0, latest)
	m.kept = m.kept[:min(len(m.kept), maxMishaps)]
}

func (m *mishaps) list() []DeliveryError {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]DeliveryError{}, m.kept...)
}
