package webhook

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// DefaultParallel is how many viewers are served at the same time.
const DefaultParallel = 64

const defaultPoll = 200 * time.Millisecond

// ErrRunning: only one Run at a time.
var ErrRunning = errors.New("webhook: the dispatcher is running already")

// Config is what a dispatcher needs.
type Config struct {
	Queue    Queue         // required
	Sender   *Sender       // required
	Retry    RetryPolicy   // zero: the default schedule and budget
	Parallel int           // viewers served at the same time; 0: DefaultParallel
	Poll     time.Duration // how often the queue is read without a nudge; 0: 200 ms
	Log      *slog.Logger  // nil: slog.Default
}

func (c Config) withDefaults() Config {
	c.Retry = c.Retry.withDefaults()
	if c.Parallel == 0 {
		c.Parallel = DefaultParallel
	}
	if c.Poll == 0 {
		c.Poll = defaultPoll
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// Dispatcher sends what the queue holds while it runs. Among replicas only the
// leader may run it.
type Dispatcher struct {
	cfg     Config
	wake    chan struct{}
	running atomic.Bool
	stats   stats
}

// New returns a dispatcher at rest.
func New(cfg Config) *Dispatcher {
	return &Dispatcher{cfg: cfg.withDefaults(), wake: make(chan struct{}, 1)}
}

// Nudge says that there is something new in the queue. It never blocks, and is
// safe from any goroutine, running or not.
func (d *Dispatcher) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Stats is a snapshot of what has been done so far.
func (d *Dispatcher) Stats() Stats {
	return d.stats.snapshot()
}

// Run delivers until ctx ends, and returns its cause once nothing is under way
// any more: attempts in flight are cut off and not counted, answers that had
// arrived are settled, which takes 5 s at most. It may be run again, for the
// next term of leadership, but not twice at once: ErrRunning.
func (d *Dispatcher) Run(ctx context.Context) error {
	if !d.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer d.running.Store(false)
	d.stats.update(func(s *Stats) { s.Running, s.ReceiverKnown, s.ReceiverUp = true, false, false })
	newRun(d).loop(ctx)
	d.stats.update(func(s *Stats) { s.Running, s.ReceiverKnown, s.ReceiverUp, s.Deferred = false, false, false, 0 })
	return context.Cause(ctx)
}
