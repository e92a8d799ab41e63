package usermeta

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"autowebinar/internal/webinar"
)

// change is what one caller wants of a viewer, and what became of it.
type change struct {
	user     webinar.UserID
	apply    ApplyFunc
	deadline time.Time // nobody begins it later

	applyErr error // what apply said in the latest attempt

	once     sync.Once
	err      error         // set before done is closed
	done     chan struct{} // closed once the change is durable or refused
	promoted chan struct{} // closed to tell the caller to make the next commit
}

// finish answers the caller.
func (c *change) resolve(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.done)
	})
}

var (
	errQueueFull    = errors.New("too many changes wait already")
	errQueueTimeout = errors.New("the change waited too long")
	errCommitPanic  = errors.New("the commit was broken off")
)

// lane turns changes that wait at the same time into one commit. The first
// caller to find it idle commits at once; whoever comes meanwhile waits, and the
// first of them commits for all. So nobody waits for company, there is no
// goroutine to own, and under load the batches grow by themselves.
type commitQueue struct {
	commit   func([]*change) // finishes every change, now or later
	maxBatch int             // changes in one commit at most
	capacity int             // changes waiting at most

	mu        sync.Mutex
	batchSize int // changes in the next commit at most; 0: as many as in any
	busy      bool
	waiting   []*change
}

// do carries a change through and returns what became of it.
func (l *commitQueue) Submit(c *change) error {
	l.mu.Lock()
	if len(l.waiting) >= l.capacity {
		l.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrUnavailable, errQueueFull)
	}
	l.waiting = append(l.waiting, c)
	leads := !l.busy
	l.busy = true
	l.mu.Unlock()
	if !leads {
		select {
		case <-c.done:
			return c.err
		case <-c.promoted:
		}
	}
	l.commitNext()
	<-c.done
	return c.err
}

// serve commits what waits, at most a batch, and hands over to the next caller.
func (l *commitQueue) commitNext() {
	batch := l.dequeue()
	defer l.promoteNext()
	fresh := dropExpired(batch)
	defer func() {
		if cause := recover(); cause != nil {
			resolveAll(fresh, errCommitPanic)
			panic(cause)
		}
	}()
	if len(fresh) > 0 {
		begun := time.Now()
		l.commit(fresh)
		l.adjustBatchSize(len(batch), time.Since(begun))
	}
}

// The bounds of a commit in time: rows are locked for as long. Viewers differ
// in how many rows they have, so the number of changes follows the clock.
const (
	targetMax = 100 * time.Millisecond
	targetMin = 50 * time.Millisecond
	minBatch  = 8
)

// adapt sets the size of the next batches. That a small one was quick says
// nothing about large ones.
func (l *commitQueue) adjustBatchSize(size int, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case took > targetMax:
		l.batchSize = max(l.limit()/2, minBatch)
	case took < targetMin && size >= l.limit():
		l.batchSize = min(2*l.limit(), l.maxBatch)
	}
}

func (l *commitQueue) limit() int {
	if l.batchSize == 0 {
		return l.maxBatch
	}
	return l.batchSize
}

// expire refuses what has waited too long and returns the rest.
func dropExpired(changes []*change) (fresh []*change) {
	now := time.Now()
	for _, c := range changes {
		if now.After(c.deadline) {
			c.resolve(fmt.Errorf("%w: %w", ErrUnavailable, errQueueTimeout))
			continue
		}
		fresh = append(fresh, c)
	}
	return fresh
}

func resolveAll(changes []*change, err error) {
	for _, c := range changes {
		c.resolve(err)
	}
}

func (l *commitQueue) dequeue() []*change {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), l.limit())
	batch := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	if len(l.waiting) == 0 {
		l.waiting = nil
	}
	return batch
}

func (l *commitQueue) promoteNext() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.busy = false
		return
	}
	close(l.waiting[0].promoted)
}
