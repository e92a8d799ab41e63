// Package telemetry makes the service observable: health and readiness, metrics,
// the status page and the logger. Its handlers expose internal details and
// belong on the admin address.
package telemetry

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"sync"
)

// CheckFunc checks a dependency and returns nil, or why it is unusable. It should
// return when ctx ends. Calls do not overlap.
type CheckFunc func(ctx context.Context) error

// InfoFunc describes a state in a short phrase. It must not block.
type InfoFunc func() string

// Health serves liveness and readiness probes. Without checks it is ready.
type Health struct {
	mu     sync.Mutex
	checks map[string]*check
	infos  map[string]InfoFunc
}

// NewHealth returns a Health without checks.
func NewHealth() *Health {
	return &Health{checks: map[string]*check{}, infos: map[string]InfoFunc{}}
}

// Register adds a check, or replaces the one with the same name. The service is
// not ready if any check fails, panics or takes longer than CheckTimeout.
func (h *Health) Register(name string, run CheckFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[name] = &check{run: run}
}

// AddInfo adds a line to the readiness report that does not affect readiness, or
// replaces the one with the same name.
func (h *Health) AddInfo(name string, describe InfoFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.infos[name] = describe
}

// Handler serves
//
//	/healthz       200 {"status":"alive"} while the process responds
//	/readyz        200 or 503, and a Readiness
//	/debug/pprof/  the profiles of the runtime
func (h *Health) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /readyz", h.serveReadiness)

	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func (h *Health) serveReadiness(w http.ResponseWriter, r *http.Request) {
	report := h.Readiness(r.Context())
	status := http.StatusOK
	if report.Status != StatusReady {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, report)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client disconnected
}
