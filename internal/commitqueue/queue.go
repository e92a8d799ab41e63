// Package commitqueue lets requests that arrive at the same time share one
// commit. It sends no SQL: a commit is a function of the caller.
//
// The first request to find the queue idle commits at once. Requests that arrive
// meanwhile wait, and the first of them commits for all. So no request waits for
// others to arrive, no background goroutine is needed, and batches grow with the
// load.
package commitqueue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"autowebinar/internal/clock"
)

// The errors of requests that were not committed.
var (
	ErrFull    = errors.New("too many changes are queued")
	ErrTimeout = errors.New("the change was queued for too long")
	ErrPanic   = errors.New("the commit panicked")
)

// Request is one value to commit, and its result.
type Request[T any] struct {
	Value T

	deadline time.Time
	once     sync.Once
	err      error         // the result; valid once done is closed
	done     chan struct{} // closed when the request is resolved
	promoted chan struct{} // closed when the caller of the request has to make the next commit
}

// NewRequest returns a request that no commit includes after the deadline.
func NewRequest[T any](value T, deadline time.Time) *Request[T] {
	return &Request[T]{Value: value, deadline: deadline, done: make(chan struct{}), promoted: make(chan struct{})}
}

// Deadline is the time after which no commit includes the request.
func (r *Request[T]) Deadline() time.Time { return r.deadline }

// Resolve ends the request with the result of its commit. Only the first call
// has an effect.
func (r *Request[T]) Resolve(err error) {
	r.once.Do(func() {
		r.err = err
		close(r.done)
	})
}

// Wait returns the result once the request is resolved.
func (r *Request[T]) Wait() error {
	<-r.done
	return r.err
}

// ResolveAll ends several requests with the same result.
func ResolveAll[T any](requests []*Request[T], err error) {
	for _, r := range requests {
		r.Resolve(err)
	}
}

// DropExpired resolves requests that are past their deadline with ErrTimeout and
// returns the others.
func DropExpired[T any](requests []*Request[T]) []*Request[T] {
	now := clock.Now()
	return slices.DeleteFunc(requests, func(r *Request[T]) bool {
		expired := now.After(r.deadline)
		if expired {
			r.Resolve(ErrTimeout)
		}
		return expired
	})
}

// Queue is a bounded queue of requests. It is safe for concurrent use.
type Queue[T any] struct {
	commit   func([]*Request[T])
	maxBatch int
	capacity int

	mu        sync.Mutex
	batchSize int  // requests in the next commit at most
	busy      bool // a caller commits, or has been promoted to do so
	waiting   []*Request[T]
}

// New returns a queue for at most capacity waiting requests. commit is called
// with 1 to maxBatch requests, never concurrently, and must resolve each of
// them before or after it returns.
func New[T any](maxBatch, capacity int, commit func([]*Request[T])) *Queue[T] {
	return &Queue[T]{commit: commit, maxBatch: maxBatch, capacity: capacity, batchSize: maxBatch}
}

// Submit queues a value and returns the result of its commit. If the context
// ends while the request is queued, Submit withdraws it and returns the
// context's error. It waits for a commit that includes the request.
func (q *Queue[T]) Submit(ctx context.Context, value T, deadline time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := NewRequest(value, deadline)
	q.mu.Lock()
	if len(q.waiting) >= q.capacity {
		q.mu.Unlock()
		return ErrFull
	}
	q.waiting = append(q.waiting, r)
	promoted := !q.busy
	q.busy = true
	q.mu.Unlock()
	if !promoted {
		select {
		case <-r.done:
		case <-r.promoted:
		case <-ctx.Done():
			q.withdraw(r, ctx.Err())
		}
		select {
		case <-r.done:
			return r.err
		case <-r.promoted:
		}
	}
	q.commitNext()
	return r.Wait()
}

// withdraw resolves a queued request that is not part of a commit and was not
// promoted.
func (q *Queue[T]) withdraw(r *Request[T], err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-r.promoted:
		return
	default:
	}
	if i := slices.Index(q.waiting, r); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		r.Resolve(err)
	}
}

// commitNext commits one batch and promotes the next request.
func (q *Queue[T]) commitNext() {
	batch := q.dequeue()
	defer q.promoteNext()
	requests := DropExpired(batch)
	defer func() {
		if cause := recover(); cause != nil {
			ResolveAll(requests, ErrPanic)
			panic(cause)
		}
	}()
	if len(requests) > 0 {
		begun := clock.Now()
		q.commit(requests)
		q.adjustBatchSize(len(batch), time.Since(begun))
	}
}

func (q *Queue[T]) dequeue() []*Request[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), q.batchSize)
	batch := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return batch
}

func (q *Queue[T]) promoteNext() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = len(q.waiting) > 0
	if q.busy {
		close(q.waiting[0].promoted)
	}
}

// The bounds of the duration of a commit, during which its rows are locked.
// Values cause different amounts of work, so the batch size depends on the
// duration.
const (
	targetMax = 100 * time.Millisecond
	targetMin = 50 * time.Millisecond
	minBatch  = 8
)

// adjustBatchSize halves the batch size after a slow commit and doubles it after
// a full batch that was quick. A quick commit of a small batch does not show
// that a large one would be quick.
func (q *Queue[T]) adjustBatchSize(size int, took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case took > targetMax:
		q.batchSize = max(q.batchSize/2, min(minBatch, q.maxBatch))
	case took < targetMin && size >= q.batchSize:
		q.batchSize = min(2*q.batchSize, q.maxBatch)
	}
}

// Len is the number of requests that wait for a commit to begin.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Cap is the number of requests that may wait.
func (q *Queue[T]) Cap() int { return q.capacity }
