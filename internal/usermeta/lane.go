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
	user  webinar.UserID
	apply ApplyFunc
	until time.Time // nobody begins it later

	verdict error // what apply said in the latest attempt

	once sync.Once
	err  error         // set before done is closed
	done chan struct{} // closed once the change is durable or refused
	lead chan struct{} // closed to tell the caller to make the next commit
}

// finish answers the caller.
func (c *change) finish(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.done)
	})
}

var (
	errCrowded = errors.New("too many changes wait already")
	errExpired = errors.New("the change waited too long")
	errAborted = errors.New("the commit was broken off")
)

// lane turns changes that wait at the same time into one commit. The first
// caller to find it idle commits at once; whoever comes meanwhile waits, and the
// first of them commits for all. So nobody waits for company, there is no
// goroutine to own, and under load the batches grow by themselves.
type lane struct {
	commit func([]*change) // finishes every change, now or later
	most   int             // changes in one commit at most
	room   int             // changes waiting at most

	mu      sync.Mutex
	batch   int // changes in the next commit at most; 0: as many as in any
	busy    bool
	waiting []*change
}

// do carries a change through and returns what became of it.
func (l *lane) do(c *change) error {
	l.mu.Lock()
	if len(l.waiting) >= l.room {
		l.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrUnavailable, errCrowded)
	}
	l.waiting = append(l.waiting, c)
	leads := !l.busy
	l.busy = true
	l.mu.Unlock()
	if !leads {
		select {
		case <-c.done:
			return c.err
		case <-c.lead:
		}
	}
	l.serve()
	<-c.done
	return c.err
}

// serve commits what waits, at most a batch, and hands over to the next caller.
func (l *lane) serve() {
	batch := l.take()
	defer l.handOver()
	fresh := expire(batch)
	defer func() {
		if cause := recover(); cause != nil {
			finishAll(fresh, errAborted)
			panic(cause)
		}
	}()
	if len(fresh) > 0 {
		begun := time.Now()
		l.commit(fresh)
		l.adapt(len(batch), time.Since(begun))
	}
}

// The bounds of a commit in time: rows are locked for as long. Viewers differ
// in how many rows they have, so the number of changes follows the clock.
const (
	slowCommit  = 100 * time.Millisecond
	quickCommit = 50 * time.Millisecond
	leastBatch  = 8
)

// adapt sets the size of the next batches. That a small one was quick says
// nothing about large ones.
func (l *lane) adapt(size int, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case took > slowCommit:
		l.batch = max(l.limit()/2, leastBatch)
	case took < quickCommit && size >= l.limit():
		l.batch = min(2*l.limit(), l.most)
	}
}

func (l *lane) limit() int {
	if l.batch == 0 {
		return l.most
	}
	return l.batch
}

// expire refuses what has waited too long and returns the rest.
func expire(changes []*change) (fresh []*change) {
	now := time.Now()
	for _, c := range changes {
		if now.After(c.until) {
			c.finish(fmt.Errorf("%w: %w", ErrUnavailable, errExpired))
			continue
		}
		fresh = append(fresh, c)
	}
	return fresh
}

func finishAll(changes []*change, err error) {
	for _, c := range changes {
		c.finish(err)
	}
}

func (l *lane) take() []*change {
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

func (l *lane) handOver() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.busy = false
		return
	}
	close(l.waiting[0].lead)
}
