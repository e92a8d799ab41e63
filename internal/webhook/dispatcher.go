package webhook

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// DefaultParallel is the default number of viewers served at the same time.
const DefaultParallel = 64

const defaultPoll = 200 * time.Millisecond

// ErrRunning is returned by Run while another Run has not returned.
var ErrRunning = errors.New("webhook: the dispatcher is already running")

// Config is the configuration of a Dispatcher.
type Config struct {
	Queue    Queue         // required
	Sender   *Sender       // required
	Log      *slog.Logger  // required
	Retry    RetryPolicy   // zero: the default schedule and budget
	Parallel int           // viewers served at the same time; 0: DefaultParallel
	Poll     time.Duration // interval of reads without a call of Wake; 0: 200 ms
}

func (c Config) withDefaults() Config {
	c.Retry = c.Retry.withDefaults()
	if c.Parallel == 0 {
		c.Parallel = DefaultParallel
	}
	if c.Poll == 0 {
		c.Poll = defaultPoll
	}
	return c
}

// Dispatcher delivers the messages of the queue while it runs. Of several
// replicas, only the leader may run one.
type Dispatcher struct {
	cfg     Config
	wake    chan struct{}
	running atomic.Bool
	stats   stats
}

// New returns a dispatcher that is not running.
func New(cfg Config) *Dispatcher {
	return &Dispatcher{cfg: cfg.withDefaults(), wake: make(chan struct{}, 1)}
}

// Wake makes a running dispatcher read the queue soon. It never blocks and may
// be called from any goroutine at any time.
func (d *Dispatcher) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Stats returns a snapshot of the dispatcher's statistics.
func (d *Dispatcher) Stats() Stats {
	return d.stats.snapshot()
}

// Run delivers until ctx ends. It then cancels attempts in flight, which are not
// counted, records responses that have arrived, which takes at most 5 s, and
// returns the cause of ctx. Run may be called again after it has returned, for
// the next term of leadership; a concurrent call returns ErrRunning.
func (d *Dispatcher) Run(ctx context.Context) error {
	if !d.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer d.running.Store(false)
	d.stats.update(func(s *Stats) { s.Running, s.ReceiverKnown, s.ReceiverUp = true, false, false })
	newRun(d).loop(ctx)
	d.stats.update(func(s *Stats) { s.Running, s.ReceiverKnown, s.ReceiverUp, s.Pending = false, false, false, 0 })
	return context.Cause(ctx)
}
