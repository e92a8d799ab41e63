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
	nowait bool // wait for nobody: give back the viewers whose locks others hold
}

// outcome is what became of the groups of one transaction.
type outcome struct {
	carried []viewerChanges // committed, or refused one by one
	rowless []viewerChanges // have no row to lock by: they need their named locks
	held    []viewerChanges // somebody else holds their locks
	undone  []viewerChanges // were rolled back for the sake of the held ones
}

// commit carries a batch through: it finishes every change, or leaves it to a
// straggler. It waits for no lock: a row that WordPress holds must not hold up
// other viewers, here or behind in the lane.
func (s *Store) commit(batch []*change) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	s.carry(ctx, byViewer(batch), manner{nowait: true})
}

// carry makes one commit for all groups. If that fails for a reason that may
// be one viewer's, it tries the halves, so that the others succeed.
func (s *Store) carry(ctx context.Context, groups []viewerChanges, m manner) {
	out, err := s.persist(ctx, groups, m)
	switch {
	case err == nil:
	case len(groups) > 1 && isOneViewers(err):
		half := len(groups) / 2
		s.carry(ctx, groups[:half], m)
		s.carry(ctx, groups[half:], m)
	default:
		for _, g := range groups {
			finishAll(g.changes, classify(err))
		}
	}
	for _, g := range out.held {
		s.straggle(g, m.named)
	}
	if len(out.undone) > 0 {
		s.carry(ctx, out.undone, m)
	}
	if len(out.rowless) > 0 {
		s.carry(ctx, out.rowless, manner{named: true, nowait: m.nowait})
	}
}

// persist makes one commit, again if it fails for a reason that passes, and
// finishes its changes.
func (s *Store) persist(ctx context.Context, groups []viewerChanges, m manner) (outcome, error) {
	for attempt := 1; ; attempt++ {
		out, err := s.transact(ctx, groups, m)
		if err == nil {
			for _, g := range out.carried {
				for _, c := range g.changes {
					c.finish(c.verdict)
				}
			}
			return out, nil
		}
		if !again(err) || attempt == changeAttempts {
			return outcome{}, err
		}
		s.log.DebugContext(ctx, "commit repeated", "viewers", len(groups), "attempt", attempt, "error", err)
		select {
		case <-ctx.Done():
			return outcome{}, err
		case <-time.After(time.Duration(attempt)*5*time.Millisecond + rand.N(10*time.Millisecond)):
		}
	}
}

// transact is one attempt.
func (s *Store) transact(ctx context.Context, groups []viewerChanges, m manner) (out outcome, err error) {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return out, err
	}
	defer conn.Close()
	if m.named {
		granted, held, unlock, err := s.lockViewers(ctx, conn, groups, m.nowait)
		if err != nil {
			return out, err
		}
		defer unlock()
		groups, out.held = granted, held
	}
	if len(groups) == 0 {
		return out, nil
	}
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return out, err
	}
	defer tx.Rollback()
	found, groups, held, err := s.load(ctx, tx, groups, m)
	if err != nil {
		return out, err
	}
	out.held = append(out.held, held...)
	decided := s.decide(groups, found, m, &out)
	if decided.plan.empty() {
		return out, nil
	}
	if err := s.write(ctx, tx, decided.plan); err != nil {
		if isLocked(err) && m.nowait {
			return decided.makeWay(out), nil
		}
		return outcome{}, err
	}
	err = tx.Commit()
	if decided.eventful && s.nudge != nil {
		s.nudge() // whatever the answer was: the events may be there
	}
	if err != nil {
		return outcome{}, err
	}
	return out, nil
}

// decision is what is to be written for all viewers of a transaction.
type decision struct {
	plan     plan
	eventful bool
	adding   []viewerChanges // whose plan adds rows or keys
	settled  []viewerChanges // the others
}

// decide applies the changes of every viewer whose rows are locked.
func (s *Store) decide(groups []viewerChanges, found map[webinar.UserID]loaded, m manner, out *outcome) decision {
	var d decision
	for _, g := range groups {
		viewer, known := found[g.user]
		switch {
		case known && viewer.unknownUser, m.named && !known:
			g.refuse(ErrUnknownUser)
		case !m.named && (!known || !viewer.snap.hasSession()):
			out.rowless = append(out.rowless, g)
			continue
		default:
			p, eventful := g.decide(viewer.snap, viewer.now, s.log)
			d.plan.put = append(d.plan.put, p.put...)
			d.plan.remove = append(d.plan.remove, p.remove...)
			d.eventful = d.eventful || eventful
			if p.adds {
				d.adding = append(d.adding, g)
			} else {
				d.settled = append(d.settled, g)
			}
		}
		out.carried = append(out.carried, g)
	}
	return d
}

// makeWay is the outcome where a write met somebody's gap lock: only what adds
// to an index can, so the viewers who do are worked on alone, and the others
// once more without them.
func (d decision) makeWay(out outcome) outcome {
	carried := map[webinar.UserID]bool{}
	for _, g := range append(d.adding, d.settled...) {
		carried[g.user] = true
	}
	way := outcome{rowless: out.rowless, held: out.held}
	for _, g := range out.carried {
		if !carried[g.user] {
			way.carried = append(way.carried, g) // refused without a write
		}
	}
	if len(d.adding) == 0 {
		way.held = append(way.held, d.settled...)
		return way
	}
	way.held = append(way.held, d.adding...)
	way.undone = d.settled
	return way
}

// isLocked tells whether somebody else holds a lock.
func isLocked(err error) bool {
	var sqlErr *mysql.MySQLError
	return errors.As(err, &sqlErr) && (sqlErr.Number == errLockWait || sqlErr.Number == errLockNowait)
}

// isOneViewers tells whether the rows of one viewer may be the reason of an
// error, and not the state of the server.
func isOneViewers(err error) bool {
	var sqlErr *mysql.MySQLError
	return errors.Is(err, mysql.ErrPktTooLarge) || errors.As(err, &sqlErr) && !unavailableNumbers[sqlErr.Number]
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
