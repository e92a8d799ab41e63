package telemetry

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// beginAtZero makes the series whose labels are known: of one that appears with
// its first burst Prometheus sees no increase.
func (m *Metrics) beginAtZero() {
	for _, c := range []struct {
		of     *prometheus.CounterVec
		values []string
	}{
		{m.turnedAway, []string{"full", "timeout"}},
		{m.repeats, []string{"deadlock", "lock_wait", "connection"}},
		{m.logins, []string{"cookie", "jwt", "service_key"}},
		{m.loginRefusals, []string{"forged_cookie", "forged_token", "malformed_cookie", "expired_cookie", "ended_session",
			"expired_token", "invalid_subject", "wrong_nonce", "rate_limited", "unavailable", "anonymous"}},
	} {
		for _, value := range c.values {
			c.of.WithLabelValues(value)
		}
	}
	for _, kind := range []string{"registered", "entered", "left", "completed", "attendance_classified", "form_submitted"} {
		m.eventsByType.WithLabelValues("client_webinar_" + kind)
		for _, outcome := range []string{"accepted", "rejected", "unavailable", noLead, "canceled"} {
			m.attempts.WithLabelValues("client_webinar_"+kind, outcome)
		}
	}
	m.requestsBeginAtZero(NoRoute)
}

// requestsBeginAtZero does so for the failures of a route.
func (m *Metrics) requestsBeginAtZero(route string) {
	for _, status := range []string{"500", "503"} {
		m.requests.WithLabelValues(route, status)
	}
}

// routes are those that were asked for.
type routes struct {
	mu    sync.RWMutex
	known map[string]bool
}

// isNew tells whether a route is asked for for the first time.
func (r *routes) isNew(route string) bool {
	r.mu.RLock()
	known := r.known[route]
	r.mu.RUnlock()
	if known {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]bool{}
	}
	known = r.known[route]
	r.known[route] = true
	return !known
}
