package usermeta

import (
	"time"

	"autowebinar/internal/webinar"
)

// DispatchLock is the name of the lock that the leading replica holds.
func (c Config) DispatchLock() string { return c.lockName("dispatch") }

// Waiting is how many changes wait for the lane of a viewer to be free.
func (s *Store) Waiting(user webinar.UserID) int {
	l := s.queues[user%queueCount]
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// Straggling is how many changes wait for a viewer's turn beside the lanes.
func (s *Store) Straggling(user webinar.UserID) int {
	s.lockWaiters.mu.Lock()
	defer s.lockWaiters.mu.Unlock()
	return len(s.lockWaiters.waiting[user])
}

// Straggles tells whether a viewer is being worked on beside the lanes.
func (s *Store) Straggles(user webinar.UserID) bool {
	s.lockWaiters.mu.Lock()
	defer s.lockWaiters.mu.Unlock()
	waiting, straggling := s.lockWaiters.waiting[user]
	return straggling && len(waiting) == 0
}

// TakePlaces leaves no place beside the lanes until release is called.
func (s *Store) TakePlaces() (release func()) {
	for range cap(s.lockWaiters.slots) {
		s.lockWaiters.slots <- struct{}{}
	}
	return func() {
		for range cap(s.lockWaiters.slots) {
			<-s.lockWaiters.slots
		}
	}
}

// Straggle carries one change through beside the lanes.
func (s *Store) Straggle(c Change, patience time.Duration) error {
	waits := &change{user: c.User, apply: c.Apply, deadline: time.Now().Add(patience), done: make(chan struct{}), promoted: make(chan struct{})}
	s.waitForLock(changeGroup{user: c.User, changes: []*change{waits}}, false)
	<-waits.done
	return waits.err
}

// LetStraggle sets how many may straggle. Nobody may do so yet.
func (s *Store) LetStraggle(places, room int) { s.lockWaiters = newLockWaiters(places, room) }

// Change is one change of a batch.
type Change struct {
	User  webinar.UserID
	Apply ApplyFunc
}

// Together carries changes through in one batch, in this order, and returns
// what became of each.
func (s *Store) Together(changes []Change) []error {
	batch := make([]*change, len(changes))
	for i, c := range changes {
		batch[i] = &change{user: c.User, apply: c.Apply, deadline: time.Now().Add(time.Minute), done: make(chan struct{}), promoted: make(chan struct{})}
	}
	s.commitBatch(batch)
	errs := make([]error, len(batch))
	for i, c := range batch {
		<-c.done
		errs[i] = c.err
	}
	return errs
}
