package webhook_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// The statuses of a row.
const (
	due      = "due"
	deferred = "deferred"
	dead     = "dead"
)

// The real outbox is tested in its own package.
var _ webhook.Queue = (*outbox.Queue)(nil)

// queue is an outbox in memory, with failures on demand.
type queue struct {
	mu      sync.Mutex
	lastRow uint64
	rows    map[uint64]*row
	deleted map[webinar.UserID]bool
	leads   map[webinar.UserID]string    // lead ids; default "lead-<user>"
	fail    func(operation string) error // nil for no failures
	calls   map[string]int
}

type row struct {
	status      string
	m           outbox.Message
	unsupported bool // has an unsupported version
}

func newQueue() *queue {
	return &queue{rows: map[uint64]*row{}, deleted: map[webinar.UserID]bool{}, leads: map[webinar.UserID]string{}, calls: map[string]int{}}
}

// insert adds a due row and returns its id.
func (q *queue) insert(e webinar.Event) uint64 { return q.insertAs(due, e) }

// insertAs adds a row with a status. The real store inserts a row as deferred
// while older events of the viewer are.
func (q *queue) insertAs(status string, e webinar.Event) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lastRow++
	q.rows[q.lastRow] = &row{status: status, m: outbox.Message{RowID: q.lastRow, Event: e}}
	return q.lastRow
}

// change edits a row, as an operator would.
func (q *queue) change(id uint64, edit func(*row)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	edit(q.rows[id])
}

// set runs a change of the queue's fields under its lock.
func (q *queue) set(edit func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	edit()
}

func (q *queue) get(id uint64) (row, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r := q.rows[id]; r != nil {
		return *r, true
	}
	return row{}, false
}

func (q *queue) count(status string) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range q.rows {
		if r.status == status {
			n++
		}
	}
	return n
}

// begin begins an operation: it locks the queue, which the caller unlocks, and
// returns the operation's failure.
func (q *queue) begin(ctx context.Context, operation string) error {
	q.mu.Lock()
	q.calls[operation]++
	if err := ctx.Err(); err != nil {
		return err
	}
	if q.fail != nil {
		return q.fail(operation)
	}
	return nil
}

// sorted returns the matching rows by id.
func (q *queue) sorted(matches func(*row) bool) []*row {
	var found []*row
	for _, r := range q.rows {
		if matches(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *row) int { return cmp.Compare(a.m.RowID, b.m.RowID) })
	return found
}

// unsent returns a viewer's due and deferred rows.
func (q *queue) unsent(user webinar.UserID) []*row {
	return q.sorted(func(r *row) bool { return r.m.Event.User == user && r.status != dead })
}

func (q *queue) pending(status string, limit int) []outbox.Pending {
	var list []outbox.Pending
	seen := map[webinar.UserID]bool{}
	for i, r := range q.sorted(func(r *row) bool { return r.status == status }) {
		if user := r.m.Event.User; i < limit && !seen[user] {
			seen[user] = true
			list = append(list, outbox.Pending{User: user, RowID: r.m.RowID, NextAttempt: r.m.NextAttempt})
		}
	}
	return list
}

func (q *queue) DueViewers(ctx context.Context, limit int) ([]outbox.Pending, error) {
	defer q.mu.Unlock()
	if err := q.begin(ctx, "DueViewers"); err != nil {
		return nil, err
	}
	return q.pending(due, limit), nil
}

func (q *queue) DeferredViewers(ctx context.Context) ([]outbox.Pending, error) {
	defer q.mu.Unlock()
	if err := q.begin(ctx, "DeferredViewers"); err != nil {
		return nil, err
	}
	return q.pending(deferred, len(q.rows)), nil
}

func (q *queue) ViewerQueue(ctx context.Context, user webinar.UserID) (outbox.ViewerQueue, error) {
	defer q.mu.Unlock()
	if err := q.begin(ctx, "ViewerQueue"); err != nil {
		return outbox.ViewerQueue{}, err
	}
	v := outbox.ViewerQueue{UserExists: !q.deleted[user], LeadID: fmt.Sprintf("lead-%d", user)}
	if lead, ok := q.leads[user]; ok {
		v.LeadID = lead
	}
	for _, r := range q.unsent(user) {
		if r.unsupported {
			v.UnsupportedVersion = len(v.Messages) == 0
			break
		}
		m := r.m
		m.Deferred = r.status == deferred
		v.Messages = append(v.Messages, m)
	}
	return v, nil
}

func (q *queue) Quarantine(context.Context, outbox.ViewerQueue) error { return nil }

func (q *queue) MarkAttempt(ctx context.Context, m *outbox.Message, now time.Time) (bool, error) {
	if m.Attempts > 0 {
		return true, nil
	}
	defer q.mu.Unlock()
	if err := q.begin(ctx, "MarkAttempt"); err != nil {
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

func (q *queue) Ack(ctx context.Context, m outbox.Message) error {
	defer q.mu.Unlock()
	if err := q.begin(ctx, "Ack"); err != nil {
		return err
	}
	delete(q.rows, m.RowID)
	return nil
}

func (q *queue) Reschedule(ctx context.Context, v outbox.ViewerQueue) error {
	defer q.mu.Unlock()
	if err := q.begin(ctx, "Reschedule"); err != nil {
		return err
	}
	q.store(v.Messages[0])
	for _, m := range v.Messages {
		if r := q.rows[m.RowID]; r != nil && r.status == due {
			r.status = deferred
		}
	}
	return nil
}

func (q *queue) DeadLetter(ctx context.Context, m outbox.Message) error {
	defer q.mu.Unlock()
	if err := q.begin(ctx, "DeadLetter"); err != nil {
		return err
	}
	q.store(m)
	if r := q.rows[m.RowID]; r != nil {
		r.status = dead
	}
	return nil
}

// store writes a message into its row, with times in whole seconds.
func (q *queue) store(m outbox.Message) {
	if r := q.rows[m.RowID]; r != nil {
		m.FirstAttempt, m.NextAttempt = m.FirstAttempt.Truncate(time.Second), m.NextAttempt.Truncate(time.Second)
		r.m = m
	}
}

func (q *queue) DiscardDeletedUser(ctx context.Context, user webinar.UserID) (n int, err error) {
	defer q.mu.Unlock()
	if err := q.begin(ctx, "DiscardDeletedUser"); err != nil {
		return 0, err
	}
	for _, r := range q.unsent(user) {
		delete(q.rows, r.m.RowID)
		n++
	}
	return n, nil
}
