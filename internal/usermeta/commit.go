package usermeta

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"autowebinar/internal/commitqueue"
	"autowebinar/internal/failpoint"
	"autowebinar/internal/wpdb"
)

// txMode is how a transaction locks its viewers.
type txMode struct {
	namedLocks bool // take the viewers' named locks first: they have no row to lock
	noWait     bool // return viewers that another transaction has locked, instead of waiting
	fastLock   bool // lock with one statement, by which MariaDB may lock other rows of the users too; with noWait
	sequential bool // lock one viewer after another, each once the previous one is written
}

// txResult is what a transaction did with its groups.
type txResult struct {
	applied        []changeGroup // committed, or failed by their own commands
	withoutRows    []changeGroup // have no row to lock, so they need their named locks
	blocked        []changeGroup // another transaction has locked them
	sequential     []changeGroup // add index entries; to be processed one by one
	fastLockFailed bool          // another transaction has locked a row of the batch
}

// maxSequential is the maximum number of viewers in a sequential transaction.
// Each viewer takes three round trips, during which the rows of the earlier
// ones stay locked.
const maxSequential = 32

// commitBatch commits a batch. It resolves every request or passes it to
// waitForLock. It waits for no lock, because a row that WordPress has locked
// must not delay other viewers in the batch or in the queue.
func (s *Store) commitBatch(batch []*request) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	begun := time.Now()
	if groups := s.lockWaiters.divertBlocked(byViewer(batch)); len(groups) > 0 {
		// In most batches no viewer adds rows or is locked.
		s.commitGroups(ctx, groups, txMode{noWait: true, fastLock: true})
	}
	s.cfg.Observer.Committed(len(batch), time.Since(begun))
}

// commitGroups commits all groups in one transaction. If that fails for a reason
// that may concern one viewer only, it tries each half, so that the others
// succeed.
func (s *Store) commitGroups(ctx context.Context, groups []changeGroup, m txMode) {
	var result txResult
	err := wpdb.Retry(ctx, s.retried, func() (err error) {
		result, err = s.runTx(ctx, groups, m)
		return err
	})
	switch {
	case err == nil:
		result.resolve()
	case len(groups) > 1 && isPerViewerError(err):
		half := len(groups) / 2
		s.commitGroups(ctx, groups[:half], m)
		s.commitGroups(ctx, groups[half:], m)
	default:
		for _, g := range groups {
			commitqueue.ResolveAll(g.requests, err)
		}
	}
	for _, g := range result.blocked {
		if m.noWait {
			s.waitForLock(g, m.namedLocks)
		} else { // a row was inserted while the transaction waited for the others
			s.lockWaiters.requeueFront(g)
		}
	}
	if result.fastLockFailed {
		s.commitGroups(ctx, groups, txMode{noWait: true})
	}
	for part := range slices.Chunk(result.sequential, maxSequential) {
		s.commitGroups(ctx, part, txMode{namedLocks: m.namedLocks, noWait: m.noWait, sequential: true})
	}
	if len(result.withoutRows) > 0 {
		s.commitGroups(ctx, result.withoutRows, txMode{namedLocks: true, noWait: m.noWait})
	}
}

// resolve resolves the requests that a transaction has applied.
func (r txResult) resolve() {
	for _, g := range r.applied {
		for _, request := range g.requests {
			request.Resolve(request.Value.err)
		}
	}
}

// runTx makes one attempt at a transaction. If it returns an error, the result
// is empty.
func (s *Store) runTx(ctx context.Context, groups []changeGroup, m txMode) (result txResult, err error) {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return txResult{}, err
	}
	defer conn.Close()
	if m.namedLocks {
		granted, blocked, unlock, err := s.lockViewers(ctx, conn, groups, m.noWait)
		if err != nil {
			return txResult{}, err
		}
		defer unlock()
		groups, result.blocked = granted, blocked
	}
	if len(groups) == 0 {
		return result, nil
	}
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return txResult{}, err
	}
	defer tx.Rollback()
	parts := [][]changeGroup{groups}
	if m.sequential {
		parts = slices.Collect(slices.Chunk(groups, 1))
	}
	var wrote, hasEvents bool
	for i, part := range parts {
		w, err := s.lockAndPlan(ctx, tx, part, m, &result)
		if wpdb.IsLocked(err) && m.fastLock {
			// The transaction cannot be used again: innodb_rollback_on_timeout ends it.
			return txResult{fastLockFailed: true}, nil
		}
		if err != nil {
			return txResult{}, err
		}
		if err := s.write(ctx, tx, w); wpdb.IsLocked(err) && m.noWait {
			result.applied = append(result.applied, slices.Concat(parts[i+1:]...)...)
			return result.requeueBlocked(len(groups) == 1 || m.sequential), nil
		} else if err != nil {
			return txResult{}, err
		}
		wrote, hasEvents = wrote || !w.empty(), hasEvents || w.hasEvents
	}
	if !wrote {
		return result, nil
	}
	if failpoint.Enabled(failpoint.AckBeforeCommit) {
		result.resolve()
	}
	err = tx.Commit()
	if hasEvents {
		s.cfg.OnEvents() // also on error: the commit may have succeeded
	}
	if err != nil {
		return txResult{}, err
	}
	return result, nil
}

// lockAndPlan locks the rows of some viewers of a transaction, applies their
// changes and returns what can be written now. Updates are written first; viewers
// that add index entries are processed later, so updates never wait for them.
//
// A transaction that inserts rows may have to wait for a statement of WordPress
// on the rows of the next user, which locks the gap before them. If it had locked
// that user's rows itself, WordPress could lose its statement to a deadlock.
// So nothing is inserted for a viewer while rows of a later one are locked: lock
// waits always go from a lower to a higher user id and cannot form a cycle. (This
// applies to single statements that find rows by user_id, as those of WordPress
// do. A plugin's transaction over several users, or a statement by the index of a
// rare key, may still deadlock with this one.)
func (s *Store) lockAndPlan(ctx context.Context, tx *sqlx.Tx, groups []changeGroup, m txMode, result *txResult) (writeSet, error) {
	batch, err := s.load(ctx, tx, groups, m)
	if err != nil {
		return writeSet{}, err
	}
	result.blocked = append(result.blocked, batch.blocked...)
	var updates, inserts writeSet
	var inserting []changeGroup
	for _, g := range batch.locked {
		viewer, known := batch.viewers[g.user]
		switch {
		case known && viewer.unknownUser, m.namedLocks && !known:
			g.reject(ErrUnknownUser)
		case !m.namedLocks && (!known || !viewer.snap.hasSession()):
			result.withoutRows = append(result.withoutRows, g)
			continue
		default:
			w := g.apply(s, viewer.snap, viewer.now)
			if w.hasInserts {
				inserts.add(w)
				inserting = append(inserting, g)
				continue
			}
			updates.add(w)
		}
		result.applied = append(result.applied, g)
	}
	mixed := len(inserting) < len(batch.locked)
	if len(inserting) > 0 && (mixed || inserting[0].user < batch.maxLockedUser) {
		result.sequential = append(result.sequential, inserting...)
		return updates, nil
	}
	result.applied = append(result.applied, inserting...)
	updates.add(inserts)
	return updates, nil
}

// requeueBlocked returns the result of a transaction whose write met the gap
// lock of another transaction, so that nothing was committed. The groups are
// tried one by one or, if that was the case already, passed to waitForLock.
func (r txResult) requeueBlocked(triedAlone bool) txResult {
	requeued := txResult{withoutRows: r.withoutRows, blocked: r.blocked, sequential: r.sequential}
	if triedAlone {
		requeued.blocked = append(requeued.blocked, r.applied...)
	} else {
		requeued.sequential = append(requeued.sequential, r.applied...)
	}
	return requeued
}

// isPerViewerError reports whether an error may be caused by the rows of one
// viewer, and not by the state of the server.
func isPerViewerError(err error) bool {
	var sqlErr *mysql.MySQLError
	return errors.Is(err, mysql.ErrPktTooLarge) || errors.As(err, &sqlErr) && !wpdb.IsServerState(sqlErr.Number)
}

// write writes with one statement for all upserts and one for all deletes.
func (s *Store) write(ctx context.Context, tx *sqlx.Tx, w writeSet) error {
	if len(w.upserts) > 0 {
		values := make([]any, 0, 4*len(w.upserts))
		for _, r := range w.upserts {
			var id any // NULL: the server assigns the next one
			if r.ID != 0 {
				id = r.ID
			}
			values = append(values, id, uint64(r.User), r.Key, r.Value)
		}
		statement := s.sql.upsertHead + strings.Repeat(", (?, ?, ?, ?)", len(w.upserts))[1:] + s.sql.upsertTail
		if _, err := tx.ExecContext(ctx, statement, values...); err != nil {
			return err
		}
	}
	if len(w.deletes) == 0 {
		return nil
	}
	statement, args, err := sqlx.In(s.sql.deleteRows, w.deletes)
	if err == nil {
		_, err = tx.ExecContext(ctx, statement, args...)
	}
	return err
}
