package telemetry

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
	"time"
)

// Sources are what is not counted here but asked for. All but Census are asked
// at any moment: they must be quick and must not block.
type Sources struct {
	Pool     func() sql.DBStats
	Queue    func() Queue
	Delivery func() Delivery
	// Census counts the outbox in the database; nil: there is none. It is called
	// once at a time, every few seconds at most.
	OutboxStats func(ctx context.Context) (OutboxStats, error)
}

// Queue is what waits for group commits.
type Queue struct {
	Queued      int `json:"waiting"` // changes
	Capacity    int `json:"room"`    // changes that may wait
	LockWaiters int `json:"held"`    // viewers whose rows somebody else has locked
}

// Delivery is what this replica does about events.
type Delivery struct {
	Off           string `json:"off,omitempty"` // why this replica never sends; empty: it may
	NoReceiver    bool   `json:"no_sink"`       // no event is ever stored
	IsLeader      bool   `json:"leads"`
	ReceiverKnown bool   `json:"sink_known"` // attempts have told, since this replica leads: more than answers to one viewer that fail
	ReceiverUp    bool   `json:"sink_up"`    // false while that is not known
	Deferred      int    `json:"waiting"`    // viewers known to have something unsent
	Accepted      uint64 `json:"accepted"`
	Failed        uint64 `json:"failed"`
	Dead          uint64 `json:"died"`      // events
	Withdrawn     uint64 `json:"withdrawn"` // events

	AcceptedAt time.Time `json:"accepted_at,omitzero"` // the last time that the sink took one
}

// Census is what the outbox of the whole site holds.
type OutboxStats struct {
	Due                int       `json:"due"`
	Deferred           int       `json:"waiting"`
	Dead               int       `json:"dead"`
	UnsupportedVersion int       `json:"held"`            // of those due or waiting: this build cannot read them
	Approximate        bool      `json:"roughly"`         // there are too many to count: some figures are estimates
	Oldest             time.Time `json:"oldest,omitzero"` // of those due or waiting that can be read
	HasLeader          bool      `json:"led"`             // some replica sends
	IsLeader           bool      `json:"by_this"`         // this one did, then
}

// The pauses between two counts of the outbox: a long one is followed by a pause
// twenty times as long.
const (
	censusEvery   = 5 * time.Second
	censusShare   = 20
	censusTimeout = 20 * time.Second
)

// counted is the latest census, with how it went.
type sample struct {
	OutboxStats
	At       time.Time     `json:"at,omitzero"` // zero: none yet
	Took     time.Duration `json:"-"`
	Failures uint64        `json:"-"` // since the start
	Error    string        `json:"error,omitempty"`

	UnledSince time.Time     `json:"-"` // no replica has had the lock since; zero: one has
	Every      time.Duration `json:"-"`
}

// censusTaker takes a census in the background, at its own pace, however often
// somebody looks.
type outboxSampler struct {
	take func(ctx context.Context) (OutboxStats, error)
	log  *slog.Logger

	mu     sync.Mutex
	latest sample
}

// run counts until ctx ends.
func (t *outboxSampler) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := t.once(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// once counts, and says how long to leave the database alone.
func (t *outboxSampler) once(ctx context.Context) time.Duration {
	bounded, cancel := context.WithTimeout(ctx, censusTimeout)
	defer cancel()
	begun := time.Now()
	found, err := t.take(bounded)
	now := time.Now()
	pause := max(censusEvery, censusShare*now.Sub(begun))

	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.latest
	l.Every = pause
	switch {
	case ctx.Err() != nil:
	case err != nil:
		if l.Error != err.Error() {
			t.log.WarnContext(ctx, "outbox not counted", "error", err)
		}
		l.Failures++
		l.Error = err.Error()
	default:
		if l.Error != "" {
			t.log.InfoContext(ctx, "outbox counted again")
		}
		l.OutboxStats, l.At, l.Took, l.Error = found, now.UTC(), now.Sub(begun), ""
		switch {
		case found.HasLeader:
			l.UnledSince = time.Time{}
		case l.UnledSince.IsZero():
			l.UnledSince = now
		}
	}
	return pause
}

func (t *outboxSampler) read() sample {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.latest
}
