package telemetry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// CheckTimeout is how long a check may take.
const CheckTimeout = time.Second

// The states of a Readiness and of its checks.
const (
	StatusReady   = "ready"
	StatusUnready = "unready"
	StateOK       = "ok"
	StateFailed   = "failed"
)

// Readiness is the answer of /readyz.
type Readiness struct {
	Status string                `json:"status"`
	Checks map[string]CheckState `json:"checks"`
	Info   map[string]string     `json:"info"`
}

// CheckState is how one check ended. Reason is why it failed.
type CheckState struct {
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

// Readiness runs every check, all at once, and takes no longer than
// CheckTimeout.
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
	ctx, cancel := context.WithTimeoutCause(ctx, CheckTimeout, errNoAnswer)
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

var errNoAnswer = errors.New("no answer within " + CheckTimeout.String())

// check runs its function at most once at a time: whoever asks meanwhile waits
// for the same run. A function that hangs thus costs one goroutine, however
// often the prober comes.
type check struct {
	run CheckFunc

	mu      sync.Mutex
	running *attempt // nil: none
}

type attempt struct {
	done chan struct{} // closed when err is set
	err  error
}

// wait gives the run's result, or why there is none yet.
func (c *check) wait(ctx context.Context) error {
	a := c.join(ctx)
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// join starts a run where there is none. The run outlives a prober that hangs
// up, because others may wait for it.
func (c *check) join(ctx context.Context) *attempt {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil {
		return c.running
	}
	a := &attempt{done: make(chan struct{})}
	c.running = a
	go func() {
		a.err = c.try(context.WithoutCancel(ctx))
		c.mu.Lock()
		c.running = nil
		c.mu.Unlock()
		close(a.done)
	}()
	return a
}

func (c *check) try(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the check panicked: %v", p)
		}
	}()
	if err = c.run(ctx); err != nil && ctx.Err() != nil {
		return errNoAnswer // says more than "context deadline exceeded"
	}
	return err
}
