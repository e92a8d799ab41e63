package webhook

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// DefaultParallel is the default number of viewers served at the same time.
const DefaultParallel = 64

// ErrRunning is returned by Run while another Run has not returned.
var ErrRunning = errors.New("webhook: the dispatcher is already running")

// Config is the configuration of a Dispatcher.
type Config struct {
	Queue    Queue         // required
	Sender   *Sender       // required
	Log      *slog.Logger  // required
	Retry    RetryPolicy   // the zero value means the default schedule and budget
	Parallel int           // viewers served at the same time; 0 means DefaultParallel
	Poll     time.Duration // interval of reads without a call of Wake; 0 means 200 ms
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
	cfg.Retry = cfg.Retry.withDefaults()
	cfg.Parallel = cmp.Or(cfg.Parallel, DefaultParallel)
	cfg.Poll = cmp.Or(cfg.Poll, 200*time.Millisecond)
	return &Dispatcher{cfg: cfg, wake: make(chan struct{}, 1)}
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
	d.stats.mu.Lock()
	defer d.stats.mu.Unlock()
	return d.stats.s
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
