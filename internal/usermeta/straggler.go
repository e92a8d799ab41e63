package usermeta

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"autowebinar/internal/webinar"
)

// stragglers are viewers whose rows somebody else holds. Each is worked on
// alone, beside the lanes, which must not wait for that.
type lockWaiters struct {
	slots chan struct{} // one for each viewer at the same time
	room  int           // changes waiting at most

	mu      sync.Mutex
	waiting map[webinar.UserID][]*change // of all who straggle, in the order of the changes
	changes int                          // waiting, of all viewers
}

func newLockWaiters(places, room int) *lockWaiters {
	return &lockWaiters{slots: make(chan struct{}, places), room: room, waiting: map[webinar.UserID][]*change{}}
}

// joins adds a viewer's changes to those that wait. It returns false if the
// viewer did not straggle before.
func (s *lockWaiters) enqueue(g changeGroup) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, straggling := s.waiting[g.user]
	s.append(g)
	return straggling
}

// remaining takes out of a batch those who straggle already: to try them in the
// lane would hold it up for nothing.
func (s *lockWaiters) divertBlocked(groups []changeGroup) []changeGroup {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(groups, func(g changeGroup) bool {
		_, straggling := s.waiting[g.user]
		if straggling {
			s.append(g)
		}
		return straggling
	})
}

func (s *lockWaiters) append(g changeGroup) {
	fitting := min(max(s.room-s.changes, 0), len(g.changes))
	resolveAll(g.changes[fitting:], fmt.Errorf("%w: %w", ErrUnavailable, errQueueFull))
	s.waiting[g.user] = append(s.waiting[g.user], g.changes[:fitting]...)
	s.changes += fitting
}

// returns puts changes back before all that came after them.
func (s *lockWaiters) requeueFront(g changeGroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[g.user] = slices.Concat(g.changes, s.waiting[g.user])
	s.changes += len(g.changes)
}

// take returns what waits for a viewer.
func (s *lockWaiters) take(user webinar.UserID) []*change {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.waiting[user]
	s.waiting[user] = nil
	s.changes -= len(taken)
	return taken
}

// refresh refuses what has waited too long, and tells until when the rest may
// wait. Where there is nothing left they straggle no more.
func (s *lockWaiters) nextDeadline(user webinar.UserID) (until time.Time, straggling bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.waiting[user]
	fresh := dropExpired(waiting)
	s.changes -= len(waiting) - len(fresh)
	if len(fresh) == 0 {
		delete(s.waiting, user)
		return time.Time{}, false
	}
	s.waiting[user] = fresh
	for _, c := range fresh {
		if until.IsZero() || c.deadline.Before(until) {
			until = c.deadline
		}
	}
	return until, true
}

// straggle carries one viewer through beside the lane, waiting for whoever holds
// their lock. The lane does not even wait for a place.
func (s *Store) waitForLock(g changeGroup, named bool) {
	if s.lockWaiters.enqueue(g) {
		return
	}
	// The callers of Change wait for what this goroutine does. After each attempt
	// it queues for a place again: so do others.
	go func() {
		for until, more := s.lockWaiters.nextDeadline(g.user); more; until, more = s.lockWaiters.nextDeadline(g.user) {
			select {
			case s.lockWaiters.slots <- struct{}{}:
				s.commitOne(changeGroup{user: g.user, changes: s.lockWaiters.take(g.user)}, named)
				<-s.lockWaiters.slots
			case <-time.After(time.Until(until)):
			}
		}
	}()
}

func (s *Store) commitOne(g changeGroup, named bool) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			s.log.Error("panic in a commit", "user", g.user, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			resolveAll(g.changes, errCommitPanic)
		}
	}()
	s.commitGroups(ctx, []changeGroup{g}, txMode{namedLocks: named})
}
