package usermeta

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
)

// Retry makes events due at once and begins their attempts anew, and says how
// many rows it changed. The rows keep their ids, so the viewer's order stays.
// Only the oldest event of a viewer is ever sent: so all that waits for the same
// viewers becomes due with them, and dead rows only where they are meant.
//
// Rows that cannot be read stay as they are, and so does a row that was settled
// or changed since it was read. A dispatcher that is sending such a row at this
// moment does not find it as it was, and sends it once more with the same webhook-id.
func (o *Outbox) Retry(ctx context.Context, entries []OutboxRow) (int, error) {
	chosen := map[uint64]OutboxRow{}
	for _, e := range entries {
		chosen[e.RowID] = e
	}
	beside, err := o.deferredForUsers(ctx, entries)
	if err != nil {
		return 0, err
	}
	for _, e := range beside {
		chosen[e.RowID] = e
	}
	all := slices.SortedFunc(maps.Values(chosen), compareRowID)
	all = slices.DeleteFunc(all, func(e OutboxRow) bool { return e.Format != FormatOK || e.Status == StatusDue })
	done := 0
	for batch := range slices.Chunk(all, entryPage) { // each is one short transaction
		query, args := o.resetStatement(batch)
		n, err := o.execAffected(ctx, query, args...)
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// waitingWith reads what waits for the viewers of the entries.
func (o *Outbox) deferredForUsers(ctx context.Context, entries []OutboxRow) ([]OutboxRow, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	users := make([]webinar.UserID, len(entries))
	for i, e := range entries {
		users[i] = e.User
	}
	query, args, err := sqlx.In(o.cfg.expandTables(`SELECT umeta_id, user_id, meta_key, COALESCE(meta_value, '') AS meta_value
		FROM {usermeta} FORCE INDEX (user_id) WHERE user_id IN (?) AND meta_key = ?`), users, keyOutboxDeferred)
	if err != nil {
		return nil, err
	}
	var rows []row
	if err := o.db.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, wrapUnavailable(err)
	}
	var waiting []OutboxRow
	for _, r := range rows {
		if r.Key == keyOutboxDeferred {
			waiting = append(waiting, newOutboxRow(r))
		}
	}
	return waiting, nil
}

// Drop deletes the rows of events, which are then never delivered, and says how
// many. Rows of another version stay, and so does a row that changed since it
// was read.
func (o *Outbox) Drop(ctx context.Context, entries []OutboxRow) (int, error) {
	known := slices.DeleteFunc(slices.Clone(entries), func(e OutboxRow) bool { return e.Format == FormatUnsupported })
	slices.SortFunc(known, func(a, b OutboxRow) int { return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.RowID, b.RowID)) })
	done := 0
	for batch := range slices.Chunk(known, entryPage) {
		n, err := o.withRetry(ctx, func() (int, error) { return o.dropAll(ctx, batch) })
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// dropAll deletes rows in one short transaction, one after another: a statement
// for all would lock them in another order than WordPress does.
func (o *Outbox) dropAll(ctx context.Context, batch []OutboxRow) (int, error) {
	tx, err := o.db.BeginTxx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	done := 0
	for _, e := range batch {
		result, err := tx.ExecContext(ctx, o.sql.drop, e.User, e.RowID, e.Status.key(), e.Value)
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

// renew is the statement that makes rows due with fresh counts.
func (o *Outbox) resetStatement(batch []OutboxRow) (string, []any) {
	var cases strings.Builder
	args := []any{keyOutbox}
	for _, e := range batch {
		m := e.Message
		m.Attempts, m.FirstAttempt, m.NextAttempt = 0, time.Time{}, time.Time{}
		cases.WriteString(" WHEN ? THEN ?")
		args = append(args, e.RowID, encodeMessage(m))
	}
	guard, guardArgs := o.unchangedCondition(batch)
	return o.cfg.expandTables("UPDATE {usermeta} SET meta_key = ?, meta_value = CASE umeta_id" + cases.String() + " ELSE meta_value END WHERE " + guard),
		append(args, guardArgs...)
}

// guard picks rows by primary key and only as they were read.
func (o *Outbox) unchangedCondition(batch []OutboxRow) (string, []any) {
	args := make([]any, 0, 4*len(batch))
	for _, e := range batch {
		args = append(args, e.RowID)
	}
	for _, e := range batch {
		args = append(args, e.RowID, e.Status.key(), e.Value)
	}
	return "umeta_id IN (" + repeatList("?", len(batch)) + ") AND (" +
		strings.Repeat(" OR umeta_id = ? AND meta_key = ? AND COALESCE(meta_value, '') = ?", len(batch))[4:] + ")", args
}
