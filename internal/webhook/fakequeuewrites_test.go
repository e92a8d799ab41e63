package webhook_test

import (
	"context"
	"time"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

func (q *queue) MarkAttempt(ctx context.Context, m *usermeta.Message, now time.Time) (bool, error) {
	if m.Attempts > 0 {
		return true, nil
	}
	defer q.mu.Unlock()
	if err := q.enter(ctx, "begin"); err != nil {
		return false, err
	}
	r := q.rows[m.RowID]
	if r == nil || r.m.Attempts != m.Attempts || !r.m.FirstAttempt.Equal(m.FirstAttempt) {
		return false, nil
	}
	m.FirstAttempt = now.UTC().Truncate(time.Second)
	q.store(*m)
	return true, nil
}

func (q *queue) Ack(ctx context.Context, m usermeta.Message) error {
	defer q.mu.Unlock()
	if err := q.enter(ctx, "accept"); err != nil {
		return err
	}
	delete(q.rows, m.RowID)
	return nil
}

func (q *queue) Reschedule(ctx context.Context, b usermeta.ViewerQueue) error {
	defer q.mu.Unlock()
	if err := q.enter(ctx, "postpone"); err != nil {
		return err
	}
	q.store(b.Messages[0])
	for _, m := range b.Messages {
		if r := q.rows[m.RowID]; r != nil && r.key == due {
			r.key = waiting
		}
	}
	return nil
}

func (q *queue) DeadLetter(ctx context.Context, m usermeta.Message) error {
	defer q.mu.Unlock()
	if err := q.enter(ctx, "bury"); err != nil {
		return err
	}
	q.store(m)
	if r := q.rows[m.RowID]; r != nil {
		r.key = dead
	}
	return nil
}

func (q *queue) store(m usermeta.Message) {
	if r := q.rows[m.RowID]; r != nil {
		m.FirstAttempt, m.NextAttempt = m.FirstAttempt.Truncate(time.Second), m.NextAttempt.Truncate(time.Second)
		r.m = m
	}
}

func (q *queue) DiscardDeletedUser(ctx context.Context, user webinar.UserID) (n int, err error) {
	defer q.mu.Unlock()
	if err := q.enter(ctx, "withdraw"); err != nil {
		return 0, err
	}
	for _, r := range q.sorted(func(r *row) bool { return r.m.Event.User == user && r.key != dead }) {
		delete(q.rows, r.m.RowID)
		n++
	}
	return n, nil
}
