package telemetry

import (
	"context"
	"database/sql"
	"time"
)

// Sources are the functions that a Monitor reads the service's state from. All
// but OutboxStats are called at any time and must return at once.
type Sources struct {
	Pool     func() sql.DBStats
	Queue    func() Queue
	Delivery func() Delivery
	// OutboxStats queries the database; nil if there is no outbox. Calls do not
	// overlap and are at least some seconds apart.
	OutboxStats func(ctx context.Context) (OutboxStats, error)
}

// Queue is the load of the commit queue.
type Queue struct {
	Queued      int `json:"queued"`       // changes
	Capacity    int `json:"capacity"`     // changes
	LockWaiters int `json:"lock_waiters"` // viewers whose rows another transaction has locked
}

// Delivery is the state of this replica's dispatcher.
type Delivery struct {
	Disabled      string `json:"disabled,omitempty"` // the reason why this replica never delivers; empty if it may
	NoReceiver    bool   `json:"no_receiver"`        // no event is stored
	IsLeader      bool   `json:"is_leader"`
	ReceiverKnown bool   `json:"receiver_known"` // the attempts since this replica became leader are conclusive
	ReceiverUp    bool   `json:"receiver_up"`    // false while unknown
	Pending       int    `json:"pending"`        // viewers with undelivered events
	Accepted      uint64 `json:"accepted"`       // events
	Failed        uint64 `json:"failed"`         // attempts
	Dead          uint64 `json:"dead"`           // events
	Discarded     uint64 `json:"discarded"`      // events

	AcceptedAt time.Time `json:"accepted_at,omitzero"` // the last time the receiver accepted an event
}

// OutboxStats are the statistics of the outbox of all replicas.
type OutboxStats struct {
	Due                int       `json:"due"`
	Deferred           int       `json:"deferred"`
	Dead               int       `json:"dead"`
	UnsupportedVersion int       `json:"unsupported_version"` // of those due or deferred
	Approximate        bool      `json:"approximate"`         // there are too many to count
	Oldest             time.Time `json:"oldest,omitzero"`     // of those due or deferred with a supported version
	HasLeader          bool      `json:"has_leader"`
	IsLeader           bool      `json:"is_leader"` // this replica was the leader at the time
}

// age returns the age of the oldest undelivered event, 0 if there is none.
func (s OutboxStats) age(now time.Time) time.Duration {
	if s.Oldest.IsZero() {
		return 0
	}
	return max(0, now.Sub(s.Oldest))
}
