package usermeta

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"autowebinar/internal/clock"
	"autowebinar/internal/commitqueue"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// ErrUnknownUser says that WordPress has no such user.
var ErrUnknownUser = errors.New("no such WordPress user")

// Options configure a Store. The zero value is usable.
type Options struct {
	Logger   *slog.Logger // nil discards
	Observer Observer     // nil for none
	// OnEvents is called after each commit that added events. It must not block.
	OnEvents func()
	// DiscardEvents stores sessions without their events: no receiver is
	// configured, so the rows of the outbox would never leave.
	DiscardEvents bool
}

// Store changes and reads viewers. It is safe for concurrent use.
type Store struct {
	db            *wpdb.DB
	log           *slog.Logger
	observer      Observer
	onEvents      func()
	discardEvents bool
	sql           statements

	queues      []*commitqueue.Queue[*change]
	lockWaiters *lockWaiters

	ready         atomic.Bool
	loggedDamages loggedDamages
}

// The bounds of group commit. With two queues the disk write of one commit
// overlaps with the reads of another; more only make the batches smaller.
const (
	queueCount     = 2
	maxBatch       = 256  // changes in one commit
	queueCapacity  = 4096 // changes that wait in one queue, and changes of lock waiters
	maxLockWaiters = 16   // viewers whose locks are waited for at the same time
)

// The bounds of time. An attempt at a change begins at most waitTimeout after
// the change was submitted, and ends within attemptTimeout plus the read time-out
// of the connection. A lock waiter may need several attempts.
const (
	waitTimeout    = 8 * time.Second
	attemptTimeout = 5 * time.Second
	changeAttempts = 5
)

var errNotReady = fmt.Errorf("%w: not checked yet", wpdb.ErrUnavailable)

// New returns a store that refuses all work until SetReady is called.
func New(db *wpdb.DB, o Options) *Store {
	s := &Store{
		db: db, log: o.Logger, observer: o.Observer, onEvents: o.OnEvents, discardEvents: o.DiscardEvents,
		sql: newStatements(db), lockWaiters: newLockWaiters(maxLockWaiters, queueCapacity),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.observer == nil {
		s.observer = nopObserver{}
	}
	if s.onEvents == nil {
		s.onEvents = func() {}
	}
	for range queueCount {
		s.queues = append(s.queues, commitqueue.New(maxBatch, queueCapacity, s.commitBatch))
	}
	return s
}

// SetReady lets the store work. The caller has checked that the table keeps what
// the store relies on.
func (s *Store) SetReady() { s.ready.Store(true) }

// change is a command for one viewer, with the result of its latest attempt.
type change struct {
	user    webinar.UserID
	command webinar.Command
	result  webinar.Result
	err     error
}

type request = commitqueue.Request[*change]

// Change runs a command on a viewer: it locks and loads the viewer, runs the
// command, and writes the rows that differ together with one outbox row for each
// event, in one commit that it may share with other viewers. It returns once
// that is durable. The error is the command's own, ErrUnknownUser, or
// wpdb.ErrUnavailable.
//
// The command is called with the rows locked, maybe more than once, and must be
// a pure function of its arguments.
//
// If ctx ends while the change is queued, the change is not begun and the error
// is the context's. A change that has begun is completed.
func (s *Store) Change(ctx context.Context, user webinar.UserID, command webinar.Command) (webinar.Result, error) {
	if !s.ready.Load() {
		return webinar.Result{}, errNotReady
	}
	c := &change{user: user, command: command}
	// All changes of a viewer pass one queue, so that they never wait for each
	// other's row locks.
	err := s.queues[user%queueCount].Submit(ctx, c, clock.Now().Add(waitTimeout))
	if err != nil {
		return webinar.Result{}, s.rejected(err)
	}
	return c.result, nil
}

// rejected marks the errors with which a queue refuses a change as unavailable,
// and counts them.
func (s *Store) rejected(err error) error {
	switch {
	case errors.Is(err, commitqueue.ErrFull):
		s.observer.Rejected("full")
	case errors.Is(err, commitqueue.ErrTimeout):
		s.observer.Rejected("timeout")
	default:
		return err
	}
	return fmt.Errorf("%w: %w", wpdb.ErrUnavailable, err)
}
