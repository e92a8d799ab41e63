package telemetry

import (
	"context"
	"sync"
	"time"

	"autowebinar/internal/clock"
)

// The history covers the last five minutes, one sample per second.
const (
	sampleInterval = time.Second
	historySize    = 300
)

// Sample is one second of the service's activity.
type Sample struct {
	ActiveSessions int     `json:"active_sessions"`
	Requests       int     `json:"requests"`
	Reports        int     `json:"reports"`
	Events         int     `json:"events"`
	ServerErrors   int     `json:"server_errors"`   // requests with status 500
	Rejected       int     `json:"rejected"`        // changes
	Lag            float64 `json:"lag_sec"`         // age of the oldest event accepted in this second; -1 if there was none
	FailedAttempts int     `json:"failed_attempts"` // to deliver an event
}

// history keeps the last samples.
type history struct {
	metrics *Metrics

	mu   sync.Mutex
	list []Sample // the oldest first
	last Activity
}

// run takes samples until ctx ends.
func (h *history) run(ctx context.Context) {
	ticker := time.NewTicker(sampleInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.sample(clock.Now())
		}
	}
}

func (h *history) sample(now time.Time) {
	current := h.metrics.activity(now)
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Sample{
		ActiveSessions: current.ActiveSessions, Lag: h.metrics.maxLag.take(),
		Requests: current.Requests - h.last.Requests, Reports: current.Reports - h.last.Reports,
		Events: current.Events - h.last.Events, ServerErrors: current.ServerErrors - h.last.ServerErrors,
		Rejected: current.Rejected - h.last.Rejected, FailedAttempts: current.failedAttempts - h.last.failedAttempts,
	}
	h.last = current
	h.list = append(h.list, s)
	h.list = h.list[max(0, len(h.list)-historySize):]
}

// samples returns the kept samples, the oldest first.
func (h *history) samples() []Sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Sample{}, h.list...)
}
