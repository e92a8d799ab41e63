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
type access int

const (
	toRead access = iota
	toWrite
)

// outage watches the queue's database: it logs once when it goes and once when
// it is back, and says how long to leave it alone. A database that can be read
// may still refuse every write (read-only, locked, full): a read does not end
// what a write began.
type outage struct {
	log *slog.Logger

	mu       sync.Mutex
	failures int // 0: the queue works
	of       access
	until    time.Time
}

func (o *outage) failed(ctx context.Context, of access, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of = max(o.of, of)
	if o.failures == 0 {
		o.log.WarnContext(ctx, "event queue unavailable", "error", err)
	}
	// Many turns fail at once: they are one failure. What could not be written may
	// be one viewer's rows, held by somebody: others wait as little as can be.
	if now := time.Now(); !now.Before(o.until) {
		o.failures++
		pause := minBackoff
		if of == toRead {
			pause = backoff(o.failures)
		}
		o.until = now.Add(pause)
	}
}

func (o *outage) over(ctx context.Context, of access) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if of < o.of {
		return
	}
	if o.failures > 0 {
		o.log.InfoContext(ctx, "event queue available again")
	}
	o.failures, o.of, o.until = 0, toRead, time.Time{}
}

// restsUntil is the time before which the queue is best left alone; zero or
// past: it isn't.
func (o *outage) restsUntil() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.until
}
