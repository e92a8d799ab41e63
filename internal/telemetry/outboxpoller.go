package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"autowebinar/internal/clock"
)

const (
	pollInterval = 5 * time.Second
	pollTimeout  = 20 * time.Second
	// pollShare bounds the load on the database: the pause after a query is at
	// least this many times its duration.
	pollShare = 20
)

// outboxSnapshot is the latest statistics of the outbox and how the last queries went.
type outboxSnapshot struct {
	OutboxStats
	At       time.Time     `json:"at,omitzero"` // zero until the first successful query
	Took     time.Duration `json:"-"`
	Failures uint64        `json:"-"` // since the start
	Error    string        `json:"error,omitempty"`

	NoLeaderSince time.Time `json:"-"` // zero while there is a leader
}

// outboxPoller queries the statistics of the outbox in the background, so that
// neither scrapes nor the status page cause queries.
type outboxPoller struct {
	query func(ctx context.Context) (OutboxStats, error)
	log   *slog.Logger

	mu     sync.Mutex
	latest outboxSnapshot
}

// run polls until ctx ends.
func (p *outboxPoller) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := p.poll(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// poll runs one query and returns the pause after it.
func (p *outboxPoller) poll(ctx context.Context) time.Duration {
	queryCtx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	start := clock.Now()
	stats, err := p.query(queryCtx)
	now := clock.Now()
	if ctx.Err() == nil {
		p.record(stats, err, now, now.Sub(start))
	}
	return max(pollInterval, pollShare*now.Sub(start))
}

func (p *outboxPoller) record(stats OutboxStats, err error, now time.Time, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &p.latest
	if err != nil {
		if l.Error != err.Error() {
			p.log.Warn("outbox count failed", "error", err)
		}
		l.Failures++
		l.Error = err.Error()
		return
	}
	if l.Error != "" {
		p.log.Info("outbox count recovered")
	}
	l.OutboxStats, l.At, l.Took, l.Error = stats, now.UTC(), took, ""
	switch {
	case stats.HasLeader:
		l.NoLeaderSince = time.Time{}
	case l.NoLeaderSince.IsZero():
		l.NoLeaderSince = now
	}
}

func (p *outboxPoller) snapshot() outboxSnapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latest
}
