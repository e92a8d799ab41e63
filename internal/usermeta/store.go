package usermeta

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"autowebinar/internal/clock"
	"autowebinar/internal/commitqueue"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// ErrUnknownUser means that WordPress has no such user.
var ErrUnknownUser = errors.New("no such WordPress user")

// Options configure a Store. The zero value is usable.
type Options struct {
	Logger   *slog.Logger // nil discards
	Observer Observer     // nil for none
	// OnEvents is called after each commit that added events. It must not block.
	OnEvents func() // nil for none
	// DiscardEvents stores sessions without their events. It is for a service
	// without a receiver, where outbox rows would accumulate.
	DiscardEvents bool
}

// Store changes and reads viewers. It is safe for concurrent use.
type Store struct {
	db  *wpdb.DB
	cfg Options
	sql statements

	queues      []*commitqueue.Queue[*change]
	lockWaiters *lockWaiters
	waitTimeout time.Duration // waitTimeout, except in tests

	ready atomic.Bool

	damageMu      sync.Mutex
	loggedDamages map[uint64]bool // umeta_ids of unreadable values
}

// The bounds of group commit. With two queues the disk write of one commit
// overlaps with the reads of another; more only make the batches smaller.
const (
	queueCount     = 2
	maxBatch       = 256  // changes in one commit
	queueCapacity  = 4096 // changes that wait in one queue, and changes of lock waiters
	maxLockWaiters = 16   // viewers whose locks are waited for at the same time
)

// The time limits of a change. An attempt begins at most waitTimeout after the
// change was submitted, and ends within attemptTimeout plus the read time-out of
// the connection. A lock waiter may need several attempts.
const (
	waitTimeout    = 8 * time.Second
	attemptTimeout = 5 * time.Second
)

var errNotReady = fmt.Errorf("%w: not checked yet", wpdb.ErrUnavailable)

// New returns a store that rejects all work until SetReady is called.
func New(db *wpdb.DB, o Options) *Store {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = nopObserver{}
	}
	if o.OnEvents == nil {
		o.OnEvents = func() {}
	}
	s := &Store{
		db: db, cfg: o, sql: newStatements(db),
		lockWaiters: newLockWaiters(maxLockWaiters, queueCapacity), waitTimeout: waitTimeout,
		loggedDamages: map[uint64]bool{},
	}
	for range queueCount {
		s.queues = append(s.queues, commitqueue.New(maxBatch, queueCapacity, s.commitBatch))
	}
	return s
}

// SetReady enables the store. The caller must have checked that the database
// supports it.
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
// If ctx ends while the change is queued, the change is dropped and the error
// is the context's. A change whose commit has started is completed.
func (s *Store) Change(ctx context.Context, user webinar.UserID, command webinar.Command) (webinar.Result, error) {
	if !s.ready.Load() {
		return webinar.Result{}, errNotReady
	}
	c := &change{user: user, command: command}
	// All changes of a viewer pass one queue, so that they never wait for each
	// other's row locks.
	err := s.queues[user%queueCount].Submit(ctx, c, clock.Now().Add(s.waitTimeout))
	if err != nil {
		return webinar.Result{}, s.rejected(err)
	}
	return c.result, nil
}

// rejected counts the rejection of a change by a queue and wraps its error in
// wpdb.ErrUnavailable.
func (s *Store) rejected(err error) error {
	switch {
	case errors.Is(err, commitqueue.ErrFull):
		s.cfg.Observer.Rejected("full")
	case errors.Is(err, commitqueue.ErrTimeout):
		s.cfg.Observer.Rejected("timeout")
	default:
		return err
	}
	return fmt.Errorf("%w: %w", wpdb.ErrUnavailable, err)
}

// retried observes a transaction that is about to be repeated.
func (s *Store) retried(err error) {
	s.cfg.Observer.Retried(wpdb.RetryReason(err))
	s.cfg.Logger.Debug("transaction retried", "error", err)
}

// Observer receives measurements of commits. Its methods are called from many
// goroutines at once and must not block.
type Observer interface {
	// Committed is called after each group commit with the number of its changes,
	// rejected ones and those passed on to lock waiters included.
	Committed(changes int, took time.Duration)
	// Retried is called for each transaction that is tried again; the reason is
	// "deadlock", "lock_wait" or "connection".
	Retried(reason string)
	// Rejected is called for each rejected change. The reason is "full" if the
	// queue was full, or "timeout" if the change waited too long.
	Rejected(reason string)
}

type nopObserver struct{}

func (nopObserver) Committed(int, time.Duration) {}
func (nopObserver) Retried(string)               {}
func (nopObserver) Rejected(string)              {}

// Load is how much work waits in a store.
type Load struct {
	Queued      int `json:"queued"`       // changes that wait for a commit or for a lock
	Capacity    int `json:"capacity"`     // capacity of all queues
	LockWaiters int `json:"lock_waiters"` // viewers whose rows another transaction has locked
}

// Load returns the current load.
func (s *Store) Load() Load {
	var l Load
	for _, q := range s.queues {
		l.Queued += q.Len()
		l.Capacity += q.Cap()
	}
	s.lockWaiters.mu.Lock()
	defer s.lockWaiters.mu.Unlock()
	l.LockWaiters = len(s.lockWaiters.waiting)
	l.Queued += s.lockWaiters.requests
	l.Capacity += s.lockWaiters.capacity
	return l
}
