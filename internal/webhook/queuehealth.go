package webhook

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	minBackoff = 200 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// backoff is the pause after the nth failure in a row, doubling.
func backoff(n int) time.Duration {
	return min(minBackoff<<min(max(n-1, 0), 10), maxBackoff)
}

// access is what was tried at the queue's database.
type queueOp int

const (
	opRead queueOp = iota
	opWrite
)

func (a queueOp) String() string { return [...]string{"read", "written"}[a] }

// outage watches the queue's database: it logs once when it goes and once when
// it is back, and says how long to leave it alone. One that can be read may still
// refuse every write (read-only, locked, full).
type queueHealth struct {
	log *slog.Logger

	mu       sync.Mutex
	failures [2]int // by access, in a row
	until    time.Time
}

func (o *queueHealth) recordFailure(ctx context.Context, of queueOp, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if o.failures[of] > 0 && now.Before(o.until) {
		return // many turns fail at once: they are one failure
	}
	if o.failures[of]++; o.failures[of] == 1 {
		o.log.WarnContext(ctx, "event queue cannot be "+of.String(), "error", err)
	}
	// What could not be written may be one viewer's rows, held by somebody: others
	// wait as little as can be.
	pause := minBackoff
	if of == opRead {
		pause = backoff(o.failures[of])
	}
	o.until = latest(o.until, now.Add(pause))
}

func (o *queueHealth) recordSuccess(ctx context.Context, of queueOp) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failures[of] > 0 {
		o.log.InfoContext(ctx, "event queue can be "+of.String()+" again")
	}
	if o.failures[of] = 0; o.failures == [2]int{} {
		o.until = time.Time{}
	}
}

// restsUntil is the time before which the queue is best left alone; zero or
// past: it isn't.
func (o *queueHealth) pausedUntil() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.until
}
