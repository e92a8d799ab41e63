// Package telemetry makes the service observable: health and readiness, metrics,
// the status page and the logger. Its handlers expose internal details and
// belong on the admin address.
package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"golang.org/x/sync/singleflight"
)

// CheckTimeout bounds the duration of a check.
const CheckTimeout = time.Second

var errCheckTimeout = errors.New("no response within " + CheckTimeout.String())

// CheckFunc checks a dependency and returns nil, or why it is unusable. It should
// return when ctx ends. Calls do not overlap.
type CheckFunc func(ctx context.Context) error

// InfoFunc describes a state in a short phrase. It must not block.
type InfoFunc func() string

// Health serves liveness and readiness probes. Without checks it is ready.
type Health struct {
	checks map[string]CheckFunc
	infos  map[string]InfoFunc
	// running contains the checks that are running, by name. Concurrent probes share
	// a run, so a check that hangs costs one goroutine, however many probes arrive.
	running singleflight.Group
}

// NewHealth returns a Health without checks.
func NewHealth() *Health {
	return &Health{checks: map[string]CheckFunc{}, infos: map[string]InfoFunc{}}
}

// Register adds a check, or replaces the one with the same name. The service is
// not ready if any check fails, panics or takes longer than CheckTimeout. Register
// must not be called during a probe.
func (h *Health) Register(name string, run CheckFunc) { h.checks[name] = run }

// AddInfo adds a line to the readiness report that does not affect readiness, or
// replaces the one with the same name. It must not be called during a probe.
func (h *Health) AddInfo(name string, describe InfoFunc) { h.infos[name] = describe }

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
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		report, status := h.Readiness(r.Context()), http.StatusOK
		if report.Status != StatusReady {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, report)
	})

	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// The states of a Readiness and of its checks.
const (
	StatusReady   = "ready"
	StatusUnready = "unready"
	StateOK       = "ok"
	StateFailed   = "failed"
)

// Readiness is the response of /readyz.
type Readiness struct {
	Status string                `json:"status"`
	Checks map[string]CheckState `json:"checks"`
	Info   map[string]string     `json:"info"`
}

// CheckState is the result of one check. Reason says why it failed.
type CheckState struct {
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

// Readiness runs all checks concurrently. It takes no longer than CheckTimeout.
func (h *Health) Readiness(ctx context.Context) Readiness {
	ctx, cancel := context.WithTimeoutCause(ctx, CheckTimeout, errCheckTimeout)
	defer cancel()
	runs := map[string]<-chan singleflight.Result{}
	for name, check := range h.checks {
		runs[name] = h.running.DoChan(name, func() (any, error) {
			return nil, check.call(context.WithoutCancel(ctx)) // other callers may share the run
		})
	}
	report := Readiness{Status: StatusReady, Checks: map[string]CheckState{}, Info: map[string]string{}}
	for name, run := range runs {
		report.Checks[name] = CheckState{State: StateOK}
		if err := wait(ctx, run); err != nil {
			report.Status = StatusUnready
			report.Checks[name] = CheckState{State: StateFailed, Reason: err.Error()}
		}
	}
	for name, describe := range h.infos {
		report.Info[name] = describe()
	}
	return report
}

// wait returns the result of a run, or why ctx ended before it.
func wait(ctx context.Context, run <-chan singleflight.Result) error {
	select {
	case result := <-run:
		return result.Err
	case <-ctx.Done():
	}
	select {
	case result := <-run: // while Readiness waited for another check
		return result.Err
	default:
		return context.Cause(ctx)
	}
}

func (run CheckFunc) call(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if err = run(ctx); err != nil && ctx.Err() != nil {
		return errCheckTimeout
	}
	return err
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client disconnected
}
