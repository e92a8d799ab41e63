package telemetry

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"autowebinar/internal/clock"
	"autowebinar/internal/outbox"
)

const (
	pollInterval = 5 * time.Second
	pollTimeout  = 20 * time.Second
	// pollShare bounds the load on the database: the pause after a query is at
	// least this many times its duration.
	pollShare = 20
)

// outboxSnapshot is the result of the last queries of the outbox.
type outboxSnapshot struct {
	outbox.Stats
	HasLeader bool      `json:"has_leader"`
	IsLeader  bool      `json:"is_leader"`       // this replica was the leader when the query ran
	At        time.Time `json:"at,omitzero"`     // zero until the first success
	Error     string    `json:"error,omitempty"` // of the last query

	Took          time.Duration `json:"-"`
	Failures      uint64        `json:"-"` // since the start
	NoLeaderSince time.Time     `json:"-"` // zero while there is a leader
}

// age returns the age of the oldest undelivered event, 0 if there is none.
func (s outboxSnapshot) age(now time.Time) time.Duration {
	if s.Oldest.IsZero() {
		return 0
	}
	return max(0, now.Sub(s.Oldest))
}

// outboxPoller queries the outbox in the background, so that neither scrapes nor
// the status page cause queries.
type outboxPoller struct {
	sources *DeliverySources
	log     *slog.Logger

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

// poll queries once and returns the pause until the next query.
func (p *outboxPoller) poll(ctx context.Context) time.Duration {
	start := time.Now()
	stats, hasLeader, err := p.query(ctx)
	took := time.Since(start)
	if ctx.Err() == nil {
		p.record(outboxSnapshot{Stats: stats, HasLeader: hasLeader, Took: took}, err)
	}
	return max(pollInterval, pollShare*took)
}

func (p *outboxPoller) query(ctx context.Context) (stats outbox.Stats, hasLeader bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	if stats, err = p.sources.Outbox(ctx); err == nil {
		hasLeader, err = p.sources.HasLeader(ctx)
	}
	return stats, hasLeader, err
}

func (p *outboxPoller) record(s outboxSnapshot, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if p.latest.Error != err.Error() {
			p.log.Warn("outbox count failed", "error", err)
		}
		p.latest.Error = err.Error()
		p.latest.Failures++
		return
	}
	if p.latest.Error != "" {
		p.log.Info("outbox count recovered")
	}
	s.At, s.IsLeader = clock.Now().UTC(), p.sources.Stats().Running
	s.HasLeader = s.HasLeader || s.IsLeader // without election, the replica that delivers has no lock
	s.Failures = p.latest.Failures
	if !s.HasLeader {
		s.NoLeaderSince = cmp.Or(p.latest.NoLeaderSince, s.At)
	}
	p.latest = s
}

func (p *outboxPoller) snapshot() outboxSnapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latest
}
