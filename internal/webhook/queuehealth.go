package webhook

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"autowebinar/internal/clock"
)

const (
	minBackoff = 200 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// backoff returns the pause after the nth consecutive failure; it doubles.
func backoff(n int) time.Duration {
	return min(minBackoff<<min(max(n-1, 0), 10), maxBackoff)
}

// queueOp is a kind of operation on the queue's database.
type queueOp string

const (
	opRead  queueOp = "reads"
	opWrite queueOp = "writes"
)

// queueHealth tracks failures of the queue's database: it logs the first failure
// and the recovery, and pauses use of the queue in between. Reads and writes are
// tracked separately, because a database that serves reads may reject every
// write (read-only, locked, disk full).
type queueHealth struct {
	log *slog.Logger

	mu       sync.Mutex
	failures map[queueOp]int // consecutive
	until    time.Time
}

func (h *queueHealth) recordFailure(ctx context.Context, op queueOp, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := clock.Now()
	if h.failures[op] > 0 && now.Before(h.until) {
		return // concurrent failures count once
	}
	if h.failures[op]++; h.failures[op] == 1 {
		h.log.WarnContext(ctx, "outbox "+string(op)+" failing", "error", err)
	}
	// A failed write may concern only one viewer, whose rows are locked by another
	// transaction, so other viewers are paused as briefly as possible.
	pause := minBackoff
	if op == opRead {
		pause = backoff(h.failures[op])
	}
	h.until = latest(h.until, now.Add(pause))
}

func (h *queueHealth) recordSuccess(ctx context.Context, op queueOp) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failures[op] > 0 {
		h.log.InfoContext(ctx, "outbox "+string(op)+" recovered")
	}
	if delete(h.failures, op); len(h.failures) == 0 {
		h.until = time.Time{}
	}
}

// pausedUntil returns the time before which the queue should not be used, which
// may be zero or past.
func (h *queueHealth) pausedUntil() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.until
}
