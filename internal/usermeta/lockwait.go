package usermeta

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"autowebinar/internal/commitqueue"
	"autowebinar/internal/webinar"
)

// lockWaiters are the viewers whose rows another transaction has locked. Each is
// committed alone, outside the commit queue, which never waits for a row lock.
type lockWaiters struct {
	slots    chan struct{} // one for each viewer whose lock is waited for now
	capacity int           // maximum number of waiting requests

	mu       sync.Mutex
	waiting  map[webinar.UserID][]*request // in the order in which they arrived
	requests int                           // waiting requests of all viewers
}

func newLockWaiters(slots, capacity int) *lockWaiters {
	return &lockWaiters{slots: make(chan struct{}, slots), capacity: capacity, waiting: map[webinar.UserID][]*request{}}
}

// enqueue adds the requests of a viewer. It reports whether the viewer was
// already waiting.
func (l *lockWaiters) enqueue(g changeGroup) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, waiting := l.waiting[g.user]
	l.append(g)
	return waiting
}

// divertBlocked removes the viewers that already wait for a lock from a batch,
// because trying them in the queue would only delay the others.
func (l *lockWaiters) divertBlocked(groups []changeGroup) []changeGroup {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(groups, func(g changeGroup) bool {
		_, waiting := l.waiting[g.user]
		if waiting {
			l.append(g)
		}
		return waiting
	})
}

func (l *lockWaiters) append(g changeGroup) {
	n := min(max(l.capacity-l.requests, 0), len(g.requests))
	commitqueue.ResolveAll(g.requests[n:], commitqueue.ErrFull)
	l.waiting[g.user] = append(l.waiting[g.user], g.requests[:n]...)
	l.requests += n
}

// requeueFront returns requests of a viewer to the front of its waiting ones.
func (l *lockWaiters) requeueFront(g changeGroup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[g.user] = slices.Concat(g.requests, l.waiting[g.user])
	l.requests += len(g.requests)
}

// dequeue removes and returns all waiting requests of a viewer.
func (l *lockWaiters) dequeue(user webinar.UserID) []*request {
	l.mu.Lock()
	defer l.mu.Unlock()
	requests := l.waiting[user]
	l.waiting[user] = nil
	l.requests -= len(requests)
	return requests
}

// nextDeadline drops expired requests and returns the earliest deadline of the
// others. A viewer without requests no longer waits.
func (l *lockWaiters) nextDeadline(user webinar.UserID) (deadline time.Time, waiting bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.waiting[user]
	kept := commitqueue.DropExpired(all)
	l.requests -= len(all) - len(kept)
	if len(kept) == 0 {
		delete(l.waiting, user)
		return time.Time{}, false
	}
	l.waiting[user] = kept
	for _, r := range kept {
		if deadline.IsZero() || r.Deadline().Before(deadline) {
			deadline = r.Deadline()
		}
	}
	return deadline, true
}

// waitForLock commits one viewer outside the commit queue, waiting for the lock.
// It does not block the caller, which is a commit.
func (s *Store) waitForLock(g changeGroup, named bool) {
	if s.lockWaiters.enqueue(g) {
		return
	}
	// This goroutine ends when all requests of the viewer are resolved. It
	// releases its slot after each attempt, so that lock waiters are served
	// fairly.
	go func() {
		for {
			deadline, waiting := s.lockWaiters.nextDeadline(g.user)
			if !waiting {
				return
			}
			select {
			case s.lockWaiters.slots <- struct{}{}:
				s.commitOne(changeGroup{user: g.user, requests: s.lockWaiters.dequeue(g.user)}, named)
				<-s.lockWaiters.slots
			case <-time.After(time.Until(deadline)):
			}
		}
	}()
}

func (s *Store) commitOne(g changeGroup, named bool) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			s.cfg.Logger.Error("panic in a commit", "user", g.user, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			commitqueue.ResolveAll(g.requests, commitqueue.ErrPanic)
		}
	}()
	s.commitGroups(ctx, []changeGroup{g}, txMode{namedLocks: named})
}
