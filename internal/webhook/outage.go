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

// outage watches the queue's database: it logs once when it goes and once when
// it is back, and says how long to leave it alone.
type outage struct {
	log *slog.Logger

	mu       sync.Mutex
	failures int // 0: the queue works
	until    time.Time
}

func (o *outage) failed(ctx context.Context, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failures == 0 {
		o.log.WarnContext(ctx, "event queue unavailable", "error", err)
	}
	// Many turns fail at once: they are one failure.
	if now := time.Now(); !now.Before(o.until) {
		o.failures++
		o.until = now.Add(backoff(o.failures))
	}
}

func (o *outage) over(ctx context.Context) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failures > 0 {
		o.log.InfoContext(ctx, "event queue available again")
	}
	o.failures, o.until = 0, time.Time{}
}

// restsUntil is the time before which the queue is best left alone; zero or
// past: it isn't.
func (o *outage) restsUntil() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.until
}
