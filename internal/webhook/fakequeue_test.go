package webhook_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// The three places a row can stand.
const (
	due     = "due"
	waiting = "wait"
	dead    = "dead"
)

// The real outbox is tested in its own package.
var _ webhook.Queue = (*usermeta.Outbox)(nil)

// queue is an outbox in memory: rows with ids, keys and whole seconds, users
// that come and go, lead ids, and faults on demand.
type queue struct {
	mu    sync.Mutex
	last  uint64
	rows  map[uint64]*row
	gone  map[webinar.UserID]bool
	leads map[webinar.UserID]string // default "lead-<user>"
	fault func(op string) error     // nil: none
	calls map[string]int
}

type row struct {
	key  string
	m    usermeta.Message
	held bool // of an unknown version
}

func newQueue() *queue {
	return &queue{rows: map[uint64]*row{}, gone: map[webinar.UserID]bool{}, leads: map[webinar.UserID]string{}, calls: map[string]int{}}
}

// insert commits an event, and returns its row id.
func (q *queue) insert(e webinar.Event) uint64 { return q.insertAs(due, e) }

// insertAs puts the row under a key: what is committed while older events of
// the viewer wait stands under the wait key from the beginning.
func (q *queue) insertAs(key string, e webinar.Event) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last++
	q.rows[q.last] = &row{key: key, m: usermeta.Message{RowID: q.last, Event: e}}
	return q.last
}

// change edits a row, as operations would.
func (q *queue) change(id uint64, edit func(*row)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	edit(q.rows[id])
}

// set changes anything else of the queue.
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

// count is how many rows stand under the key.
func (q *queue) count(key string) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range q.rows {
		if r.key == key {
			n++
		}
	}
	return n
}

// enter begins a statement; the caller unlocks.
func (q *queue) enter(ctx context.Context, op string) error {
	q.mu.Lock()
	q.calls[op]++
	if err := ctx.Err(); err != nil {
		return err
	}
	if q.fault != nil {
		return q.fault(op)
	}
	return nil
}

func (q *queue) sorted(want func(*row) bool) []*row {
	var found []*row
	for _, r := range q.rows {
		if want(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *row) int { return cmp.Compare(a.m.RowID, b.m.RowID) })
	return found
}

func (q *queue) pending(key string, limit int) []usermeta.Pending {
	var list []usermeta.Pending
	seen := map[webinar.UserID]bool{}
	for i, r := range q.sorted(func(r *row) bool { return r.key == key }) {
		if user := r.m.Event.User; i < limit && !seen[user] {
			seen[user] = true
			list = append(list, usermeta.Pending{User: user, RowID: r.m.RowID, NextAttempt: r.m.NextAttempt})
		}
	}
	return list
}

func (q *queue) DueViewers(ctx context.Context, limit int) ([]usermeta.Pending, error) {
	defer q.mu.Unlock()
	if err := q.enter(ctx, "due"); err != nil {
		return nil, err
	}
	return q.pending(due, limit), nil
}

func (q *queue) DeferredViewers(ctx context.Context) ([]usermeta.Pending, error) {
	defer q.mu.Unlock()
	if err := q.enter(ctx, "waiting"); err != nil {
		return nil, err
	}
	return q.pending(waiting, len(q.rows)), nil
}

func (q *queue) ViewerQueue(ctx context.Context, user webinar.UserID) (usermeta.ViewerQueue, error) {
	defer q.mu.Unlock()
	if err := q.enter(ctx, "backlog"); err != nil {
		return usermeta.ViewerQueue{}, err
	}
	b := usermeta.ViewerQueue{User: user, UserExists: !q.gone[user], LeadID: fmt.Sprintf("lead-%d", user)}
	if lead, ok := q.leads[user]; ok {
		b.LeadID = lead
	}
	for _, r := range q.sorted(func(r *row) bool { return r.m.Event.User == user && r.key != dead }) {
		if r.held {
			b.UnsupportedVersion = len(b.Messages) == 0
			break
		}
		m := r.m
		m.Deferred = r.key == waiting
		b.Messages = append(b.Messages, m)
	}
	return b, nil
}
