package usermeta

import "autowebinar/internal/webinar"

// DispatchLock is the name of the lock that the leading replica holds.
func (c Config) DispatchLock() string { return c.lockName("dispatch") }

// Waiting is how many changes wait for the lane of a viewer to be free.
func (s *Store) Waiting(user webinar.UserID) int {
	l := s.lanes[user%committers]
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// Straggling is how many changes have joined a viewer who straggles.
func (s *Store) Straggling(user webinar.UserID) int {
	s.stragglers.mu.Lock()
	defer s.stragglers.mu.Unlock()
	return len(s.stragglers.waiting[user])
}
