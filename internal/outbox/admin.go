package outbox

import (
	"cmp"
	"context"
	"slices"
	"time"

	"autowebinar/internal/webinar"
)

const ifUnchanged = " AND meta_key = ? AND COALESCE(meta_value, '') = ?"

// Retry makes messages due at once, with no attempts counted, and returns how
// many rows it changed. Rows keep their ids and so their order. Only the oldest
// message of a viewer is ever sent, so all deferred messages of the same viewers
// become due with them; dead ones only if given.
//
// Rows that cannot be decoded are not changed, nor are rows that were settled
// or changed since they were read. A dispatcher that is sending such a message
// finds its row changed and sends it once more with the same webhook-id.
func (q *Queue) Retry(ctx context.Context, rows []Row) (int, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	users := make([]webinar.UserID, len(rows))
	for i, r := range rows {
		users[i] = r.User
	}
	deferred, err := q.readRows(ctx, "FORCE INDEX (user_id) WHERE user_id IN (?) AND meta_key = ?", users, KeyDeferred)
	if err != nil {
		return 0, err
	}
	rows = slices.DeleteFunc(append(deferred, rows...), func(r Row) bool { return r.Format != FormatOK || r.Status == StatusDue })
	return q.changeRows(ctx, rows, func(r Row) (string, []any) {
		m := r.Message
		m.Attempts, m.FirstAttempt, m.NextAttempt = 0, time.Time{}, time.Time{}
		return "UPDATE {usermeta} SET meta_key = ?, meta_value = ? WHERE umeta_id = ?" + ifUnchanged,
			[]any{KeyDue, encode(m), r.RowID, r.Status.key(), r.Value}
	})
}

// Drop deletes messages, which are then never delivered, and returns how many.
// Rows of an unsupported version are not deleted, nor are rows that changed
// since they were read.
func (q *Queue) Drop(ctx context.Context, rows []Row) (int, error) {
	known := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Format == FormatUnsupported })
	return q.changeRows(ctx, known, func(r Row) (string, []any) {
		return deleteMessage + "= ?" + ifUnchanged, []any{r.User, r.RowID, r.Status.key(), r.Value}
	})
}

// changeRows runs one statement for each row, and returns how many rows these
// have changed. A page of rows is one short transaction. One statement for all
// would lock them in another order than WordPress does.
func (q *Queue) changeRows(ctx context.Context, rows []Row, statement func(Row) (string, []any)) (int, error) {
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Or(cmp.Compare(a.User, b.User), compareRowID(a, b)) })
	done := 0
	for page := range slices.Chunk(rows, pageSize) {
		n := 0
		err := q.withRetry(ctx, func() error {
			tx, err := q.db.BeginTxx(ctx, nil)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			n = 0
			for _, r := range page {
				query, args := statement(r)
				changed, err := execOnce(ctx, tx, q.db.Expand(query), args...)
				if err != nil {
					return err
				}
				n += changed
			}
			return tx.Commit()
		})
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}
