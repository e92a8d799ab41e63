package usermeta

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
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

	nudge    func()      // told after a commit that holds events
	fit      atomic.Bool // Inspect found the table usable
	reported sync.Map    // damaged rows that were logged, by umeta_id
}

const (
	changeTimeout  = 8 * time.Second
	changeAttempts = 5
	lockSeconds    = 4 // wait for a viewer's named lock
)

// errUnserialised says that the viewer has no row to lock by.
var errUnserialised = errors.New("usermeta: viewer without a session")

// New returns a store on a pool made by Open. nudge is called after every
// commit that added events; it must not block.
func New(db *sqlx.DB, cfg Config, log *slog.Logger, nudge func()) *Store {
	return &Store{db: db, cfg: cfg, log: log, sql: newStatements(cfg), nudge: nudge}
}

// Change applies a function to a viewer: lock, load, apply, write the rows that
// differ and one outbox row an event, commit. It returns the function's own
// error as it is, ErrUnknownUser, or ErrUnavailable.
//
// A change that has begun is carried through even if ctx is cancelled: the page
// that sent the last report of a visit is gone before the answer.
func (s *Store) Change(ctx context.Context, user webinar.UserID, apply ApplyFunc) error {
	if !s.fit.Load() {
		return fmt.Errorf("%w: not inspected yet", ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := s.change(ctx, user, apply)
		if err == nil || !again(err) || attempt == changeAttempts {
			return classify(err)
		}
		s.log.DebugContext(ctx, "change repeated", "user", user, "attempt", attempt, "error", err)
		select {
		case <-ctx.Done():
			return classify(err)
		case <-time.After(time.Duration(attempt)*5*time.Millisecond + rand.N(10*time.Millisecond)):
		}
	}
}

func (s *Store) change(ctx context.Context, user webinar.UserID, apply ApplyFunc) error {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = s.transact(ctx, conn, user, apply, false)
	if !errors.Is(err, errUnserialised) {
		return err
	}
	unlock, err := s.lockViewer(ctx, conn, user)
	if err != nil {
		return err
	}
	defer unlock()
	return s.transact(ctx, conn, user, apply, true)
}

// transact is one attempt. Unless the viewer's named lock is held, a viewer
// without a session is refused with errUnserialised.
func (s *Store) transact(ctx context.Context, conn *sqlx.Conn, user webinar.UserID, apply ApplyFunc, locked bool) error {
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	snap, now, err := s.load(ctx, tx, user, locked)
	if err != nil {
		return err
	}
	after, events, err := apply(snap.viewer, now)
	if err != nil {
		return err
	}
	p := diff(snap, after, events)
	if p.empty() {
		return nil
	}
	if err := s.write(ctx, tx, p); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if len(events) > 0 && s.nudge != nil {
		s.nudge()
	}
	return nil
}

func (s *Store) load(ctx context.Context, tx *sqlx.Tx, user webinar.UserID, locked bool) (snapshot, time.Time, error) {
	var rows []loadedRow
	if err := tx.SelectContext(ctx, &rows, s.sql.lock, user); err != nil {
		return snapshot{}, time.Time{}, err
	}
	snap, now, err := s.interpret(user, rows)
	switch {
	case err != nil:
		return snapshot{}, time.Time{}, err
	case snap.hasSession():
		return snap, now, nil
	case !locked:
		return snapshot{}, time.Time{}, errUnserialised
	}
	now, err = s.clock(ctx, tx, user)
	return snap, now, err
}

// Read returns a viewer and the database's time, without any lock.
func (s *Store) Read(ctx context.Context, user webinar.UserID) (webinar.Viewer, time.Time, error) {
	if !s.fit.Load() {
		return webinar.Viewer{}, time.Time{}, fmt.Errorf("%w: not inspected yet", ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	var rows []loadedRow
	if err := s.db.SelectContext(ctx, &rows, s.sql.read, user); err != nil {
		return webinar.Viewer{}, time.Time{}, classify(err)
	}
	snap, now, err := s.interpret(user, rows)
	if err == nil && len(rows) == 0 {
		now, err = s.clock(ctx, s.db, user)
	}
	if err != nil {
		return webinar.Viewer{}, time.Time{}, classify(err)
	}
	return snap.viewer, now, nil
}

// loadedRow is a row with the time at which it was read: taken after the lock
// was granted, so that a change never sees an earlier time than the one that it
// waited for.
type loadedRow struct {
	row
	Now        string `db:"now"`
	UserExists bool   `db:"user_exists"`
}

func (s *Store) interpret(user webinar.UserID, loaded []loadedRow) (snapshot, time.Time, error) {
	rows := make([]row, len(loaded))
	var latest string
	for i, l := range loaded {
		if !l.UserExists {
			return snapshot{}, time.Time{}, ErrUnknownUser
		}
		rows[i] = l.row
		latest = max(latest, l.Now)
	}
	snap := read(user, rows)
	for _, r := range snap.damaged {
		s.reportDamaged(r)
	}
	if latest == "" {
		return snap, time.Time{}, nil
	}
	now, err := time.Parse(datetime, latest)
	return snap, now, err
}

// reportDamaged logs a value that cannot be read, once a row: the log must not
// grow with every report of the viewer.
func (s *Store) reportDamaged(r row) {
	if _, known := s.reported.LoadOrStore(r.ID, struct{}{}); !known {
		s.log.Warn("stored value cannot be read and counts as absent", "umeta_id", r.ID, "user", r.User, "meta_key", r.Key)
	}
}

// clock reads the database's time where there was no row to read it with, and
// whether the user exists.
func (s *Store) clock(ctx context.Context, q sqlx.QueryerContext, user webinar.UserID) (time.Time, error) {
	var answer struct {
		Now        string `db:"now"`
		UserExists bool   `db:"user_exists"`
	}
	if err := sqlx.GetContext(ctx, q, &answer, s.sql.clock, user); err != nil {
		return time.Time{}, err
	}
	if !answer.UserExists {
		return time.Time{}, ErrUnknownUser
	}
	return time.Parse(datetime, answer.Now)
}

func (s *Store) write(ctx context.Context, tx *sqlx.Tx, p plan) error {
	if len(p.put) > 0 {
		values := make([]any, 0, 4*len(p.put))
		for _, r := range p.put {
			var id any // NULL: the server gives the next one
			if r.ID != 0 {
				id = r.ID
			}
			values = append(values, id, r.User, r.Key, r.Value)
		}
		statement := s.sql.putHead + strings.Repeat(", (?, ?, ?, ?)", len(p.put))[1:] + s.sql.putTail
		if _, err := tx.ExecContext(ctx, statement, values...); err != nil {
			return err
		}
	}
	if len(p.remove) > 0 {
		statement, args, err := sqlx.In(s.sql.remove, p.remove)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
	}
	return nil
}
