// Package telemetry promises that whoever runs the service can see how it is:
// alive, ready, and if not, why not; and what it logs. The handlers here tell
// more than the public may know and belong on the admin address.
package telemetry

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"sync"
)

// CheckFunc says whether something the service cannot work without is there:
// nil, or why not. It should end when ctx does; it runs at most once at a time.
type CheckFunc func(ctx context.Context) error

// InfoFunc describes a state in a few words. It must not block.
type InfoFunc func() string

// Health answers what an orchestrator and an operator ask. It is ready for use
// as NewHealth returns it: alive, and ready with no checks.
type Health struct {
	mu     sync.Mutex
	checks map[string]*check
	infos  map[string]InfoFunc
}

// NewHealth makes a Health without checks.
func NewHealth() *Health {
	return &Health{checks: map[string]*check{}, infos: map[string]InfoFunc{}}
}

// Register adds a check, or replaces the one of that name. Any check that
// fails, panics or has no answer within CheckTimeout makes the service unready.
func (h *Health) Register(name string, run CheckFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[name] = &check{run: run}
}

// Inform adds a line to the readiness report that never makes the service
// unready, or replaces the one of that name.
func (h *Health) AddInfo(name string, describe InfoFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.infos[name] = describe
}

// Handler serves
//
//	/healthz       200 {"status":"alive"} as long as the process can answer
//	/readyz        200 or 503, and a Readiness
//	/debug/pprof/  the runtime's profiles
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
	_ = json.NewEncoder(w).Encode(body) // the prober went away: nobody is left to tell
}
