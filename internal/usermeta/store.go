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

	queues      []*commitQueue
	lockWaiters *lockWaiters

	onEvents     func()                // told after a commit that holds events
	ready        atomic.Bool           // Inspect found the table usable
	notReady     atomic.Pointer[error] // why it did not, the last time
	loggedDamage loggedDamage
}

// The bounds of group commit. Two lanes let one commit's disk write overlap with
// the next one's reads; more of them only make the batches smaller.
const (
	queueCount     = 2
	maxBatch       = 256  // changes in one commit
	queueCapacity  = 4096 // changes that wait in a lane, and beside the lanes
	maxLockWaiters = 16   // viewers worked on beside the lanes
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
	s := &Store{db: db, cfg: cfg, log: log, sql: newStatements(cfg), onEvents: nudge, lockWaiters: newLockWaiters(maxLockWaiters, queueCapacity)}
	for range queueCount {
		s.queues = append(s.queues, &commitQueue{commit: s.commitBatch, maxBatch: maxBatch, capacity: queueCapacity})
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
	if !s.ready.Load() {
		return errNotInspected
	}
	c := &change{
		user: user, apply: apply, deadline: time.Now().Add(waitTimeout),
		done: make(chan struct{}), promoted: make(chan struct{}),
	}
	// One viewer's changes are always in one lane: they never wait for each
	// other's row locks.
	err := s.queues[user%queueCount].Submit(c)
	observeRejection(s.cfg.observer(), err)
	return err
}
