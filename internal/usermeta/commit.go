package usermeta

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// manner is how a transaction goes about the viewers' locks.
type manner struct {
	named  bool // take the viewers' named locks first: they have no row to lock by
	nowait bool // wait for nobody: give back the viewers whose locks others hold
	quick  bool // lock by one statement, which MariaDB lets lock other rows of the users too; with nowait
	inTurn bool // lock one viewer after another, each when the one before is written
}

// outcome is what became of the groups of one transaction.
type outcome struct {
	carried []viewerChanges // committed, or refused one by one
	rowless []viewerChanges // have no row to lock by: they need their named locks
	held    []viewerChanges // somebody else holds their locks
	inTurn  []viewerChanges // add rows, and may not hold up who locks the rows beside
	refused bool            // somebody else holds a lock of one of them: nobody was to be had the quick way
}

// turnLimit is how many viewers share a transaction in turn. Each takes three
// round trips, during which the rows of those before stay locked.
const turnLimit = 32

// commit carries a batch through: it finishes every change, or leaves it to a
// straggler. It waits for no lock: a row that WordPress holds must not hold up
// other viewers, here or behind in the lane.
func (s *Store) commit(batch []*change) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	begun := time.Now()
	if groups := s.stragglers.remaining(byViewer(batch)); len(groups) > 0 {
		// Most batches add nothing and find nobody's rows held.
		s.carry(ctx, groups, manner{nowait: true, quick: true})
	}
	s.cfg.observer().Committed(len(batch), time.Since(begun))
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
		if m.nowait {
			s.straggle(g, m.named)
		} else { // a row came while we waited for the others
			s.stragglers.returns(g)
		}
	}
	if out.refused {
		s.carry(ctx, groups, manner{nowait: true})
	}
	for part := range slices.Chunk(out.inTurn, turnLimit) {
		s.carry(ctx, part, manner{named: m.named, nowait: m.nowait, inTurn: true})
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
		s.cfg.observer().Repeated(whyAgain(err))
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
	steps := [][]viewerChanges{groups}
	if m.inTurn {
		steps = slices.Collect(slices.Chunk(groups, 1))
	}
	var wrote, eventful bool
	for i, step := range steps {
		d, err := s.step(ctx, tx, step, m, &out)
		if isLocked(err) && m.quick {
			// Not in this transaction: innodb_rollback_on_timeout has ended it.
			return outcome{refused: true}, nil
		}
		if err != nil {
			return outcome{}, err
		}
		if err := s.write(ctx, tx, d.plan); isLocked(err) && m.nowait {
			out.carried = append(out.carried, slices.Concat(steps[i+1:]...)...)
			return out.makeWay(len(groups) == 1 || m.inTurn), nil
		} else if err != nil {
			return outcome{}, err
		}
		wrote, eventful = wrote || !d.plan.empty(), eventful || d.eventful
	}
	if !wrote {
		return out, nil
	}
	err = tx.Commit()
	if eventful && s.nudge != nil {
		s.nudge() // whatever the answer was: the events may be there
	}
	if err != nil {
		return outcome{}, err
	}
	return out, nil
}

// step locks the rows of some of a transaction's viewers, and decides what to
// write before the next step.
//
// Whoever adds rows may have to wait for a statement of WordPress on the next
// user's rows, which locks the gap before them. If we held that user's rows in
// turn, WordPress would lose its statement to a deadlock. So nothing is added
// for a viewer while the rows of a later one are locked: waits then lead from
// each viewer to a later one only, and never in a circle. (So it is for single
// statements that find rows by user_id, as those of WordPress do. A transaction
// of a plugin over several users, or a statement by the index of a rare key, may
// still cross ours.)
func (s *Store) step(ctx context.Context, tx *sqlx.Tx, groups []viewerChanges, m manner, out *outcome) (decision, error) {
	got, err := s.load(ctx, tx, groups, m)
	if err != nil {
		return decision{}, err
	}
	out.held = append(out.held, got.held...)
	return s.decide(got, m, out), nil
}

// decision is what is to be written for the viewers of a step.
type decision struct {
	plan     plan
	eventful bool
}

// decide applies the changes of every viewer whose rows are locked, and plans
// what can be written now. Nobody who adds nothing waits with those who do.
func (s *Store) decide(got grasp, m manner, out *outcome) decision {
	var now, adding decision
	var adders []viewerChanges
	for _, g := range got.free {
		viewer, known := got.found[g.user]
		switch {
		case known && viewer.unknownUser, m.named && !known:
			g.refuse(ErrUnknownUser)
		case !m.named && (!known || !viewer.snap.hasSession()):
			out.rowless = append(out.rowless, g)
			continue
		default:
			p, eventful := g.decide(viewer.snap, viewer.now, s.log)
			if p.adds {
				adding.join(p, eventful)
				adders = append(adders, g)
				continue
			}
			now.join(p, eventful)
		}
		out.carried = append(out.carried, g)
	}
	mixed := len(adders) < len(got.free)
	if len(adders) > 0 && (mixed || adders[0].user < got.last) {
		out.inTurn = append(out.inTurn, adders...)
		return now
	}
	out.carried = append(out.carried, adders...)
	now.join(adding.plan, adding.eventful)
	return now
}

func (d *decision) join(p plan, eventful bool) {
	d.plan.put = append(d.plan.put, p.put...)
	d.plan.remove = append(d.plan.remove, p.remove...)
	d.eventful = d.eventful || eventful
}

// makeWay is the outcome where a write met somebody's gap lock: those who would
// have been carried are tried in turn, and who were in turn are worked on beside
// the lane, which has waited long enough.
func (out outcome) makeWay(waited bool) outcome {
	way := outcome{rowless: out.rowless, held: out.held, inTurn: out.inTurn}
	if waited {
		way.held = append(way.held, out.carried...)
	} else {
		way.inTurn = append(way.inTurn, out.carried...)
	}
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
