package telemetry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// CheckTimeout bounds the duration of a check.
const CheckTimeout = time.Second

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
	h.mu.Lock()
	checks, infos := maps.Clone(h.checks), maps.Clone(h.infos)
	h.mu.Unlock()

	report := Readiness{Status: StatusReady, Checks: map[string]CheckState{}, Info: map[string]string{}}
	for name, err := range runAll(ctx, checks) {
		report.Checks[name] = CheckState{State: StateOK}
		if err != nil {
			report.Status = StatusUnready
			report.Checks[name] = CheckState{State: StateFailed, Reason: err.Error()}
		}
	}
	for name, describe := range infos {
		report.Info[name] = describe()
	}
	return report
}

func runAll(ctx context.Context, checks map[string]*check) map[string]error {
	ctx, cancel := context.WithTimeoutCause(ctx, CheckTimeout, errCheckTimeout)
	defer cancel()

	var mu sync.Mutex
	var wg sync.WaitGroup
	results := make(map[string]error, len(checks))
	for name, c := range checks {
		wg.Go(func() {
			err := c.wait(ctx)
			mu.Lock()
			defer mu.Unlock()
			results[name] = err
		})
	}
	wg.Wait()
	return results
}

var errCheckTimeout = errors.New("no response within " + CheckTimeout.String())

// check runs its function at most once at a time: concurrent callers share the
// run. A function that hangs therefore costs one goroutine, however many probes
// arrive.
type check struct {
	run CheckFunc

	mu      sync.Mutex
	current *checkRun // nil if none is running
}

type checkRun struct {
	done chan struct{} // closed when err is set
	err  error
}

// wait returns the result of the current run, or why ctx ended before it.
func (c *check) wait(ctx context.Context) error {
	r := c.start(ctx)
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// start returns the current run, starting one if there is none. A run outlives
// the caller's ctx because other callers may share it.
func (c *check) start(ctx context.Context) *checkRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		return c.current
	}
	r := &checkRun{done: make(chan struct{})}
	c.current = r
	go func() {
		r.err = c.call(context.WithoutCancel(ctx))
		c.mu.Lock()
		c.current = nil
		c.mu.Unlock()
		close(r.done)
	}()
	return r
}

func (c *check) call(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if err = c.run(ctx); err != nil && ctx.Err() != nil {
		return errCheckTimeout
	}
	return err
}
