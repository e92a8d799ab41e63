package usermeta

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
)

// ApplyFunc decides what becomes of a viewer. It is called with the rows
// locked, maybe more than once, and must be a pure function of its arguments.
type ApplyFunc func(v webinar.Viewer, now time.Time) (webinar.Viewer, []webinar.Event, error)

// Store changes and reads viewers. It is safe for concurrent use.
type Store struct {
	db  *sqlx.DB
	cfg Config
	log *slog.Logger
	sql statements

	lanes      []*lane
	stragglers *stragglers

	nudge    func()                // told after a commit that holds events
	fit      atomic.Bool           // Inspect found the table usable
	unfit    atomic.Pointer[error] // why it did not, the last time
	reported reported
}

// The bounds of group commit. Two lanes let one commit's disk write overlap with
// the next one's reads; more of them only make the batches smaller.
const (
	committers     = 2
	batchLimit     = 256  // changes in one commit
	laneRoom       = 4096 // changes that wait in a lane, and beside the lanes
	stragglerLimit = 16   // viewers worked on beside the lanes
)

// The bounds of time. No attempt at a change begins later than waitTimeout after
// it came, and each ends within attemptTimeout and the connection's own read
// time-out. Beside the lanes there may be several attempts one after another.
const (
	waitTimeout    = 8 * time.Second
	attemptTimeout = 5 * time.Second
	changeAttempts = 5
)

var errNotInspected = fmt.Errorf("%w: not inspected yet", ErrUnavailable)

// New returns a store on a pool made by Open. nudge is called after every
// commit that added events; it must not block.
func New(db *sqlx.DB, cfg Config, log *slog.Logger, nudge func()) *Store {
	s := &Store{db: db, cfg: cfg, log: log, sql: newStatements(cfg), nudge: nudge, stragglers: newStragglers(stragglerLimit, laneRoom)}
	for range committers {
		s.lanes = append(s.lanes, &lane{commit: s.commit, most: batchLimit, room: laneRoom})
	}
	return s
}

// Change applies a function to a viewer: lock, load, apply, write the rows that
// differ and one outbox row an event, commit. It returns, once that is durable,
// nil; or the function's own error as it is, ErrUnknownUser, or ErrUnavailable.
// Changes that wait at the same time share a commit.
//
// A change that has begun is carried through even if ctx is cancelled: the page
// that sent the last report of a visit is gone before the answer.
func (s *Store) Change(_ context.Context, user webinar.UserID, apply ApplyFunc) error {
	if !s.fit.Load() {
		return errNotInspected
	}
	c := &change{
		user: user, apply: apply, until: time.Now().Add(waitTimeout),
		done: make(chan struct{}), lead: make(chan struct{}),
	}
	// One viewer's changes are always in one lane: they never wait for each
	// other's row locks.
	err := s.lanes[user%committers].do(c)
	tellRefused(s.cfg.observer(), err)
	return err
}
