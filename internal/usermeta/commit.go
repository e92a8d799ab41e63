package usermeta

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
)

// manner is how a transaction goes about the viewers' locks.
type manner struct {
	named  bool // take the viewers' named locks first: they have no row to lock by
	nowait bool // fail at once where somebody else holds a lock
}

// commit carries a batch through: it finishes every change, or leaves it to a
// straggler. It waits for no lock: a row that WordPress holds must not hold up
// other viewers, here or behind in the lane.
func (s *Store) commit(batch []*change) {
	ctx, cancel := context.WithTimeout(context.Background(), changeTimeout)
	defer cancel()
	s.carry(ctx, byViewer(batch), manner{nowait: true})
}

// carry makes one commit for all groups. If that fails for a reason that may
// be one viewer's, it tries the halves, so that the others succeed.
func (s *Store) carry(ctx context.Context, groups []viewerChanges, m manner) {
	rowless, err := s.persist(ctx, groups, m)
	switch {
	case err == nil:
	case len(groups) == 1 && m.nowait && isLocked(err):
		s.straggle(ctx, groups[0], m.named)
	case len(groups) > 1 && isOneViewers(err):
		half := len(groups) / 2
		s.carry(ctx, groups[:half], m)
		s.carry(ctx, groups[half:], m)
	default:
		for _, g := range groups {
			finishAll(g.changes, classify(err))
		}
	}
	if len(rowless) > 0 {
		s.carry(ctx, rowless, manner{named: true, nowait: m.nowait})
	}
}

// persist makes one commit, again if it fails for a reason that passes, and
// finishes its changes. Viewers who have no row to lock by are given back.
func (s *Store) persist(ctx context.Context, groups []viewerChanges, m manner) (rowless []viewerChanges, err error) {
	for attempt := 1; ; attempt++ {
		var carried []viewerChanges
		carried, rowless, err = s.transact(ctx, groups, m)
		if err == nil {
			for _, g := range carried {
				for _, c := range g.changes {
					c.finish(c.verdict)
				}
			}
			return rowless, nil
		}
		if !again(err) || isLocked(err) && m.nowait || attempt == changeAttempts {
			return nil, err
		}
		s.log.DebugContext(ctx, "commit repeated", "viewers", len(groups), "attempt", attempt, "error", err)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Duration(attempt)*5*time.Millisecond + rand.N(10*time.Millisecond)):
		}
	}
}

// transact is one attempt.
func (s *Store) transact(ctx context.Context, groups []viewerChanges, m manner) (carried, rowless []viewerChanges, err error) {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	if m.named {
		unlock, err := s.lockViewers(ctx, conn, users(groups), m.nowait)
		if err != nil {
			return nil, nil, err
		}
		defer unlock()
	}
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	defer tx.Rollback()
	found, err := s.load(ctx, tx, groups, m)
	if err != nil {
		return nil, nil, err
	}
	var p plan
	eventful := false
	for _, g := range groups {
		viewer, known := found[g.user]
		switch {
		case known && viewer.unknownUser, m.named && !known:
			g.refuse(ErrUnknownUser)
		case !m.named && (!known || !viewer.snap.hasSession()):
			rowless = append(rowless, g)
			continue
		default:
			planned, events := g.decide(viewer.snap, viewer.now, s.log)
			p.add(planned)
			eventful = eventful || events
		}
		carried = append(carried, g)
	}
	if p.empty() {
		return carried, rowless, nil
	}
	if err := s.write(ctx, tx, p); err != nil {
		return nil, nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, nil, err
	}
	if eventful && s.nudge != nil {
		s.nudge()
	}
	return carried, rowless, nil
}

// isLocked tells whether somebody else holds a lock.
func isLocked(err error) bool {
	var sqlErr *mysql.MySQLError
	return errors.Is(err, errNotGranted) || errors.As(err, &sqlErr) && (sqlErr.Number == errLockWait || sqlErr.Number == errLockNowait)
}

// isOneViewers tells whether the rows of one viewer may be the reason of an
// error, and not the state of the server.
func isOneViewers(err error) bool {
	var sqlErr *mysql.MySQLError
	return errors.Is(err, errNotGranted) || errors.As(err, &sqlErr) && !unavailableNumbers[sqlErr.Number]
}

// add joins the plan of another viewer to p.
func (p *plan) add(other plan) {
	p.put = append(p.put, other.put...)
	p.remove = append(p.remove, other.remove...)
}

// write writes a plan: one statement for all that is put, one for all that goes.
func (s *Store) write(ctx context.Context, tx *sqlx.Tx, p plan) error {
	if len(p.put) > 0 {
		values := make([]any, 0, 4*len(p.put))
		for _, r := range p.put {
			var id any // NULL: the server gives the next one
			if r.ID != 0 {
				id = r.ID
			}
			values = append(values, id, uint64(r.User), r.Key, r.Value)
		}
		statement := s.sql.putHead + strings.Repeat(", (?, ?, ?, ?)", len(p.put))[1:] + s.sql.putTail
		if _, err := tx.ExecContext(ctx, statement, values...); err != nil {
			return err
		}
	}
	if len(p.remove) == 0 {
		return nil
	}
	statement, args, err := sqlx.In(s.sql.remove, p.remove)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, statement, args...)
	return err
}

// loaded is what a viewer's rows say at a time.
type loaded struct {
	snap        snapshot
	now         time.Time
	unknownUser bool
}

// load reads and locks the rows of all viewers. Who has none is missing in the
// answer, unless the named locks are held: then only who does not exist is.
func (s *Store) load(ctx context.Context, tx *sqlx.Tx, groups []viewerChanges, m manner) (map[webinar.UserID]loaded, error) {
	statement := s.sql.lock
	if m.nowait {
		statement += " NOWAIT"
	}
	found, err := s.readRows(ctx, tx, statement, users(groups))
	if err != nil || !m.named {
		return found, err
	}
	return found, s.fillIn(ctx, tx, found, groups)
}
