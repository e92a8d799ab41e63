package outbox

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// Retry makes messages due at once, with no attempts counted, and returns how
// many rows it changed. Rows keep their ids and so their order. Only the oldest
// message of a viewer is ever sent, so all deferred messages of the same viewers
// become due with them; dead ones only if given.
//
// Rows that cannot be decoded are left alone, and so are rows that were settled
// or changed since they were read. A dispatcher that is sending such a message
// finds its row changed and sends it once more with the same webhook-id.
func (q *Queue) Retry(ctx context.Context, rows []Row) (int, error) {
	chosen := map[uint64]Row{}
	for _, r := range rows {
		chosen[r.RowID] = r
	}
	deferred, err := q.deferredForUsers(ctx, rows)
	if err != nil {
		return 0, err
	}
	for _, r := range deferred {
		chosen[r.RowID] = r
	}
	all := slices.SortedFunc(maps.Values(chosen), compareRowID)
	all = slices.DeleteFunc(all, func(r Row) bool { return r.Format != FormatOK || r.Status == StatusDue })
	done := 0
	for batch := range slices.Chunk(all, pageSize) { // each is one short transaction
		query, args := q.resetStatement(batch)
		n, err := q.execAffected(ctx, query, args...)
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// deferredForUsers reads the deferred rows of the users of the given rows.
func (q *Queue) deferredForUsers(ctx context.Context, rows []Row) ([]Row, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	users := make([]webinar.UserID, len(rows))
	for i, r := range rows {
		users[i] = r.User
	}
	query, args, err := sqlx.In(q.db.Expand(`SELECT umeta_id, user_id, meta_key, COALESCE(meta_value, '') AS meta_value
		FROM {usermeta} FORCE INDEX (user_id) WHERE user_id IN (?) AND meta_key = ?`), users, KeyDeferred)
	if err != nil {
		return nil, err
	}
	var stored []wpdb.Row
	if err := q.db.SelectContext(ctx, &stored, query, args...); err != nil {
		return nil, wpdb.WrapUnavailable(err)
	}
	var deferred []Row
	for _, r := range stored {
		if r.Key == KeyDeferred {
			deferred = append(deferred, newRow(r))
		}
	}
	return deferred, nil
}

// Drop deletes messages, which are then never delivered, and returns how many.
// Rows of an unsupported version are left alone, and so are rows that changed
// since they were read.
func (q *Queue) Drop(ctx context.Context, rows []Row) (int, error) {
	known := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Format == FormatUnsupported })
	slices.SortFunc(known, func(a, b Row) int { return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.RowID, b.RowID)) })
	done := 0
	for batch := range slices.Chunk(known, pageSize) {
		n, err := q.withRetry(ctx, func() (int, error) { return q.dropAll(ctx, batch) })
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// dropAll deletes rows in one short transaction, one after another: one statement
// for all would lock them in another order than WordPress does.
func (q *Queue) dropAll(ctx context.Context, batch []Row) (int, error) {
	tx, err := q.db.BeginTxx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	done := 0
	for _, r := range batch {
		result, err := tx.ExecContext(ctx, q.sql.drop, r.User, r.RowID, r.Status.key(), r.Value)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		done += int(n)
	}
	return done, tx.Commit()
}

// resetStatement makes rows due with no attempts.
func (q *Queue) resetStatement(batch []Row) (string, []any) {
	var cases strings.Builder
	args := []any{KeyDue}
	for _, r := range batch {
		m := r.Message
		m.Attempts, m.FirstAttempt, m.NextAttempt = 0, time.Time{}, time.Time{}
		cases.WriteString(" WHEN ? THEN ?")
		args = append(args, r.RowID, encode(m))
	}
	unchanged, unchangedArgs := unchangedCondition(batch)
	return q.db.Expand("UPDATE {usermeta} SET meta_key = ?, meta_value = CASE umeta_id" + cases.String() + " ELSE meta_value END WHERE " + unchanged),
		append(args, unchangedArgs...)
}

// unchangedCondition selects rows by primary key, and only as they were read.
func unchangedCondition(batch []Row) (string, []any) {
	args := make([]any, 0, 4*len(batch))
	for _, r := range batch {
		args = append(args, r.RowID)
	}
	for _, r := range batch {
		args = append(args, r.RowID, r.Status.key(), r.Value)
	}
	return "umeta_id IN (" + wpdb.RepeatList("?", len(batch)) + ") AND (" +
		strings.Repeat(" OR umeta_id = ? AND meta_key = ? AND COALESCE(meta_value, '') = ?", len(batch))[4:] + ")", args
}
