package outbox

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// MarkAttempt writes the time of a message's first attempt into its row before
// anything is sent. It returns false if the row has changed or was deleted.
//
// Without a binary log, InnoDB may show a commit to others before it is durable,
// and a crash at that moment undoes the commit. The extra write forces the earlier
// commit to disk, so that a message that was sent is never forgotten. If the row
// already contains the time of an attempt whose result is unknown, it may still
// not be durable: that time may have been read before its commit was durable. A
// counted attempt shows that the row is durable.
func (q *Queue) MarkAttempt(ctx context.Context, m *Message, now time.Time) (bool, error) {
	if m.Attempts > 0 {
		return true, nil
	}
	marked := *m
	marked.FirstAttempt = now.UTC()
	if marked.value = encode(marked); marked.value == m.value {
		marked.FirstAttempt = marked.FirstAttempt.Add(time.Second) // a server does not write an unchanged value
		marked.value = encode(marked)
	}
	n, err := q.exec(ctx, `UPDATE {usermeta} SET meta_value = ?
		WHERE umeta_id = ? AND meta_key IN (?, ?) AND COALESCE(meta_value, '') = ?`, marked.value, m.RowID, KeyDue, KeyDeferred, m.value)
	if err != nil || n == 0 {
		return false, err
	}
	*m = marked
	return true, nil
}

// Ack deletes the row of a message that the receiver has accepted. It is no error
// if the row has changed or was deleted.
func (q *Queue) Ack(ctx context.Context, m Message) error {
	_, err := q.exec(ctx, deleteMessage+"= ? AND COALESCE(m.meta_value, '') = ?", m.Event.User, m.RowID, m.value)
	return err
}

// Reschedule writes the attempts and times of the first message into its row and
// defers all messages of the viewer, in one statement.
func (q *Queue) Reschedule(ctx context.Context, v ViewerQueue) error {
	if len(v.Messages) == 0 {
		return nil
	}
	return q.move(ctx, v.Messages, KeyDeferred)
}

// DeadLetter moves a message to the dead key with its final attempts and times.
func (q *Queue) DeadLetter(ctx context.Context, m Message) error {
	return q.move(ctx, []Message{m}, KeyDead)
}

// move gives the rows of messages another key, and the first one its new value.
// It changes nothing if the first row has changed since it was read.
func (q *Queue) move(ctx context.Context, messages []Message, key string) error {
	first := messages[0]
	value := first.value
	if first.Event.Type != "" {
		value = encode(first)
	}
	ids := make([]uint64, len(messages))
	for i, m := range messages {
		ids[i] = m.RowID
	}
	// A row that has the key and value already is not written again.
	_, err := q.exec(ctx, `UPDATE {usermeta} SET meta_value = CASE WHEN umeta_id = ? THEN ? ELSE meta_value END, meta_key = ?
		WHERE umeta_id IN (?) AND meta_key IN (?, ?) AND (umeta_id <> ? OR COALESCE(meta_value, '') = ?)`,
		first.RowID, value, key, ids, KeyDue, KeyDeferred, first.RowID, first.value)
	return err
}

// DiscardDeletedUser deletes the messages of a user who is deleted, and returns
// how many.
func (q *Queue) DiscardDeletedUser(ctx context.Context, user webinar.UserID) (int, error) {
	rows, err := q.viewerRows(ctx, user)
	if err != nil {
		return 0, err
	}
	var ids []uint64
	for _, r := range rows {
		if !r.UserExists && isPending(r.Key) {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	return q.exec(ctx, deleteMessage+"IN (?) AND m.meta_key IN (?, ?)", user, ids, KeyDue, KeyDeferred)
}

// exec runs a statement and returns the number of affected rows. A slice among
// args is a list, as in "IN (?)".
func (q *Queue) exec(ctx context.Context, query string, args ...any) (affected int, err error) {
	query, args, err = sqlx.In(q.db.Expand(query), args...)
	if err != nil {
		return 0, err
	}
	err = q.withRetry(ctx, func() error {
		affected, err = execOnce(ctx, q.db, query, args...)
		return err
	})
	return affected, err
}

func execOnce(ctx context.Context, e sqlx.ExecerContext, query string, args ...any) (int, error) {
	result, err := e.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// withRetry repeats a statement if another transaction has locked the rows or
// the connection broke.
func (q *Queue) withRetry(ctx context.Context, try func() error) error {
	return wpdb.Retry(ctx, func(err error) { q.cfg.Retried(wpdb.RetryReason(err)) }, try)
}
