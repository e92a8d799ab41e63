package outbox

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// MarkAttempt writes the time of a message's first attempt into its row before
// anything is sent. It returns false if the row has changed or is gone.
//
// Without a binary log, InnoDB may show a commit to others before it is durable,
// and a crash at that moment takes the commit back. The extra write forces the
// earlier commit to disk, so that a message that was sent is never forgotten. A
// time that is there already, of an attempt whose result is unknown, proves
// nothing, for it may have been read too early itself; a counted attempt does.
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
	n, err := q.execAffected(ctx, q.sql.markAttempt, marked.value, m.RowID, KeyDue, KeyDeferred, m.value)
	if err != nil || n == 0 {
		return false, err
	}
	*m = marked
	return true, nil
}

// Ack deletes the row of a message that the receiver has accepted. A row that has
// changed or is gone is no error.
func (q *Queue) Ack(ctx context.Context, m Message) error {
	return q.exec(ctx, q.sql.ack, m.Event.User, m.RowID, m.value)
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
// If the first row has changed since it was read, it is left alone.
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
	query, args, err := sqlx.In(q.sql.move, first.RowID, value, key, ids, []string{KeyDue, KeyDeferred}, first.RowID, first.value)
	if err != nil {
		return err
	}
	return q.exec(ctx, query, args...)
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
	query, args, err := sqlx.In(q.sql.discard, user, ids, []string{KeyDue, KeyDeferred})
	if err != nil {
		return 0, err
	}
	return len(ids), q.exec(ctx, query, args...)
}

func (q *Queue) exec(ctx context.Context, query string, args ...any) error {
	_, err := q.execAffected(ctx, query, args...)
	return err
}

// execAffected runs a statement and returns the number of affected rows.
func (q *Queue) execAffected(ctx context.Context, query string, args ...any) (int, error) {
	return q.withRetry(ctx, func() (int, error) {
		result, err := q.db.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		return int(n), err
	})
}

// maxTries bounds how often a statement is tried.
const maxTries = 5

// withRetry tries again where another transaction locks the same rows, or the
// connection broke.
func (q *Queue) withRetry(ctx context.Context, try func() (int, error)) (int, error) {
	for attempt := 1; ; attempt++ {
		n, err := try()
		if err == nil {
			return n, nil
		}
		if !wpdb.IsRetryable(err) || attempt == maxTries || ctx.Err() != nil {
			return 0, wpdb.WrapUnavailable(err)
		}
		if q.observer != nil {
			q.observer.Retried(wpdb.RetryReason(err))
		}
		time.Sleep(time.Duration(attempt) * 5 * time.Millisecond)
	}
}
