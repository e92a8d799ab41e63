package usermeta

import (
	"time"

	"autowebinar/internal/commitqueue"
	"autowebinar/internal/webinar"
)

// Queued returns how many changes wait in the queue of a viewer.
func (s *Store) Queued(user webinar.UserID) int { return s.queues[user%queueCount].Len() }

// WaitingForLock returns how many changes of a viewer wait for a lock.
func (s *Store) WaitingForLock(user webinar.UserID) int {
	s.lockWaiters.mu.Lock()
	defer s.lockWaiters.mu.Unlock()
	return len(s.lockWaiters.waiting[user])
}

// CommittingAlone reports whether a viewer is being committed by waitForLock.
func (s *Store) CommittingAlone(user webinar.UserID) bool {
	s.lockWaiters.mu.Lock()
	defer s.lockWaiters.mu.Unlock()
	requests, waiting := s.lockWaiters.waiting[user]
	return waiting && len(requests) == 0
}

// OccupySlots takes all slots of the lock waiters until release is called.
func (s *Store) OccupySlots() (release func()) {
	for range cap(s.lockWaiters.slots) {
		s.lockWaiters.slots <- struct{}{}
	}
	return func() {
		for range cap(s.lockWaiters.slots) {
			<-s.lockWaiters.slots
		}
	}
}

// SetWaitTimeout replaces waitTimeout in an unused store.
func (s *Store) SetWaitTimeout(d time.Duration) { s.waitTimeout = d }

// SetLockWaiters sets the bounds of an unused store.
func (s *Store) SetLockWaiters(slots, capacity int) { s.lockWaiters = newLockWaiters(slots, capacity) }

// Change is one change of a batch.
type Change struct {
	User    webinar.UserID
	Command webinar.Command
}

func (c Change) request(timeout time.Duration) *request {
	return commitqueue.NewRequest(&change{user: c.User, command: c.Command}, time.Now().Add(timeout))
}

// ChangeWaitingForLock commits one change as that of a lock waiter.
func (s *Store) ChangeWaitingForLock(c Change, timeout time.Duration) error {
	r := c.request(timeout)
	s.waitForLock(changeGroup{user: c.User, requests: []*request{r}}, false)
	return s.rejected(r.Wait())
}

// ChangeTogether commits changes in one batch, in this order, and returns the
// error of each.
func (s *Store) ChangeTogether(changes []Change) []error {
	batch := make([]*request, len(changes))
	for i, c := range changes {
		batch[i] = c.request(time.Minute)
	}
	s.commitBatch(batch)
	errs := make([]error, len(batch))
	for i, r := range batch {
		errs[i] = s.rejected(r.Wait())
	}
	return errs
}
