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
type txMode struct {
	namedLocks bool // take the viewers' named locks first: they have no row to lock by
	noWait     bool // wait for nobody: give back the viewers whose locks others hold
	fastLock   bool // lock by one statement, which MariaDB lets lock other rows of the users too; with nowait
	sequential bool // lock one viewer after another, each when the one before is written
}

// outcome is what became of the groups of one transaction.
type txResult struct {
	applied        []changeGroup // committed, or refused one by one
	withoutRows    []changeGroup // have no row to lock by: they need their named locks
	blocked        []changeGroup // somebody else holds their locks
	sequential     []changeGroup // add rows, and may not hold up who locks the rows beside
	fastLockFailed bool          // somebody else holds a lock of one of them: nobody was to be had the quick way
}

// turnLimit is how many viewers share a transaction in turn. Each takes three
// round trips, during which the rows of those before stay locked.
const maxSequential = 32

// commit carries a batch through: it finishes every change, or leaves it to a
// straggler. It waits for no lock: a row that WordPress holds must not hold up
// other viewers, here or behind in the lane.
func (s *Store) commitBatch(batch []*change) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	begun := time.Now()
	if groups := s.lockWaiters.divertBlocked(byViewer(batch)); len(groups) > 0 {
		// Most batches add nothing and find nobody's rows held.
		s.commitGroups(ctx, groups, txMode{noWait: true, fastLock: true})
	}
	s.cfg.observer().Committed(len(batch), time.Since(begun))
}

// carry makes one commit for all groups. If that fails for a reason that may
// be one viewer's, it tries the halves, so that the others succeed.
func (s *Store) commitGroups(ctx context.Context, groups []changeGroup, m txMode) {
	out, err := s.commitWithRetry(ctx, groups, m)
	switch {
	case err == nil:
	case len(groups) > 1 && isPerViewerError(err):
		half := len(groups) / 2
		s.commitGroups(ctx, groups[:half], m)
		s.commitGroups(ctx, groups[half:], m)
	default:
		for _, g := range groups {
			resolveAll(g.changes, wrapUnavailable(err))
		}
	}
	for _, g := range out.blocked {
		if m.noWait {
			s.waitForLock(g, m.namedLocks)
		} else { // a row came while we waited for the others
			s.lockWaiters.requeueFront(g)
		}
	}
	if out.fastLockFailed {
		s.commitGroups(ctx, groups, txMode{noWait: true})
	}
	for part := range slices.Chunk(out.sequential, maxSequential) {
		s.commitGroups(ctx, part, txMode{namedLocks: m.namedLocks, noWait: m.noWait, sequential: true})
	}
	if len(out.withoutRows) > 0 {
		s.commitGroups(ctx, out.withoutRows, txMode{namedLocks: true, noWait: m.noWait})
	}
}

// persist makes one commit, again if it fails for a reason that passes, and
// finishes its changes.
func (s *Store) commitWithRetry(ctx context.Context, groups []changeGroup, m txMode) (txResult, error) {
	for attempt := 1; ; attempt++ {
		out, err := s.runTx(ctx, groups, m)
		if err == nil {
			for _, g := range out.applied {
				for _, c := range g.changes {
					c.resolve(c.applyErr)
				}
			}
			return out, nil
		}
		if !isRetryable(err) || attempt == changeAttempts {
			return txResult{}, err
		}
		s.cfg.observer().Retried(retryReason(err))
		s.log.DebugContext(ctx, "commit repeated", "viewers", len(groups), "attempt", attempt, "error", err)
		select {
		case <-ctx.Done():
			return txResult{}, err
		case <-time.After(time.Duration(attempt)*5*time.Millisecond + rand.N(10*time.Millisecond)):
		}
	}
}

// transact is one attempt.
func (s *Store) runTx(ctx context.Context, groups []changeGroup, m txMode) (out txResult, err error) {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return out, err
	}
	defer conn.Close()
	if m.namedLocks {
		granted, held, unlock, err := s.lockViewers(ctx, conn, groups, m.noWait)
		if err != nil {
			return out, err
		}
		defer unlock()
		groups, out.blocked = granted, held
	}
	if len(groups) == 0 {
		return out, nil
	}
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return out, err
	}
	defer tx.Rollback()
	steps := [][]changeGroup{groups}
	if m.sequential {
		steps = slices.Collect(slices.Chunk(groups, 1))
	}
	var wrote, eventful bool
	for i, step := range steps {
		d, err := s.lockAndPlan(ctx, tx, step, m, &out)
		if isLocked(err) && m.fastLock {
			// Not in this transaction: innodb_rollback_on_timeout has ended it.
			return txResult{fastLockFailed: true}, nil
		}
		if err != nil {
			return txResult{}, err
		}
		if err := s.write(ctx, tx, d.plan); isLocked(err) && m.noWait {
			out.applied = append(out.applied, slices.Concat(steps[i+1:]...)...)
			return out.requeueBlocked(len(groups) == 1 || m.sequential), nil
		} else if err != nil {
			return txResult{}, err
		}
		wrote, eventful = wrote || !d.plan.empty(), eventful || d.hasEvents
	}
	if !wrote {
		return out, nil
	}
	err = tx.Commit()
	if eventful && s.onEvents != nil {
		s.onEvents() // whatever the answer was: the events may be there
	}
	if err != nil {
		return txResult{}, err
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
func (s *Store) lockAndPlan(ctx context.Context, tx *sqlx.Tx, groups []changeGroup, m txMode, out *txResult) (batchPlan, error) {
	got, err := s.load(ctx, tx, groups, m)
	if err != nil {
		return batchPlan{}, err
	}
	out.blocked = append(out.blocked, got.blocked...)
	return s.planBatch(got, m, out), nil
}

// decision is what is to be written for the viewers of a step.
type batchPlan struct {
	plan      writeSet
	hasEvents bool
}

// decide applies the changes of every viewer whose rows are locked, and plans
// what can be written now. Nobody who adds nothing waits with those who do.
func (s *Store) planBatch(got lockedBatch, m txMode, out *txResult) batchPlan {
	var now, adding batchPlan
	var adders []changeGroup
	for _, g := range got.locked {
		viewer, known := got.found[g.user]
		switch {
		case known && viewer.unknownUser, m.namedLocks && !known:
			g.reject(ErrUnknownUser)
		case !m.namedLocks && (!known || !viewer.snap.hasSession()):
			out.withoutRows = append(out.withoutRows, g)
			continue
		default:
			p, eventful := g.apply(viewer.snap, viewer.now, s.log)
			if p.hasInserts {
				adding.merge(p, eventful)
				adders = append(adders, g)
				continue
			}
			now.merge(p, eventful)
		}
		out.applied = append(out.applied, g)
	}
	mixed := len(adders) < len(got.locked)
	if len(adders) > 0 && (mixed || adders[0].user < got.maxLockedUser) {
		out.sequential = append(out.sequential, adders...)
		return now
	}
	out.applied = append(out.applied, adders...)
	now.merge(adding.plan, adding.hasEvents)
	return now
}

func (d *batchPlan) merge(p writeSet, eventful bool) {
	d.plan.upserts = append(d.plan.upserts, p.upserts...)
	d.plan.deletes = append(d.plan.deletes, p.deletes...)
	d.hasEvents = d.hasEvents || eventful
}

// makeWay is the outcome where a write met somebody's gap lock: those who would
// have been carried are tried in turn, and who were in turn are worked on beside
// the lane, which has waited long enough.
func (out txResult) requeueBlocked(waited bool) txResult {
	way := txResult{withoutRows: out.withoutRows, blocked: out.blocked, sequential: out.sequential}
	if waited {
		way.blocked = append(way.blocked, out.applied...)
	} else {
		way.sequential = append(way.sequential, out.applied...)
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
func isPerViewerError(err error) bool {
	var sqlErr *mysql.MySQLError
	return errors.Is(err, mysql.ErrPktTooLarge) || errors.As(err, &sqlErr) && !unavailableNumbers[sqlErr.Number]
}

// write writes a plan: one statement for all that is put, one for all that goes.
func (s *Store) write(ctx context.Context, tx *sqlx.Tx, p writeSet) error {
	if len(p.upserts) > 0 {
		values := make([]any, 0, 4*len(p.upserts))
		for _, r := range p.upserts {
			var id any // NULL: the server gives the next one
			if r.ID != 0 {
				id = r.ID
			}
			values = append(values, id, uint64(r.User), r.Key, r.Value)
		}
		statement := s.sql.putHead + strings.Repeat(", (?, ?, ?, ?)", len(p.upserts))[1:] + s.sql.putTail
		if _, err := tx.ExecContext(ctx, statement, values...); err != nil {
			return err
		}
	}
	if len(p.deletes) == 0 {
		return nil
	}
	statement, args, err := sqlx.In(s.sql.remove, p.deletes)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, statement, args...)
	return err
}
