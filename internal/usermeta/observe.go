package usermeta

import "time"

// Observer receives measurements of commits. Its methods are called from many
// goroutines at once and must not block.
type Observer interface {
	// Committed is called after each group commit with the number of its changes,
	// rejected ones and those passed on to lock waiters included.
	Committed(changes int, took time.Duration)
	// Retried is called for each transaction that is tried again; the reason is
	// "deadlock", "lock_wait" or "connection".
	Retried(reason string)
	// Rejected is called for each change that was refused because the queue was
	// "full" or the change waited too long, "timeout".
	Rejected(reason string)
}

type nopObserver struct{}

func (nopObserver) Committed(int, time.Duration) {}
func (nopObserver) Retried(string)               {}
func (nopObserver) Rejected(string)              {}

// Load is how much work waits in a store.
type Load struct {
	Queued      int `json:"queued"`       // changes that wait for a commit or for a lock
	Capacity    int `json:"capacity"`     // how many may
	LockWaiters int `json:"lock_waiters"` // viewers whose rows another transaction has locked
}

// Load returns the current load.
func (s *Store) Load() Load {
	var l Load
	for _, q := range s.queues {
		l.Queued += q.Len()
		l.Capacity += q.Cap()
	}
	s.lockWaiters.mu.Lock()
	defer s.lockWaiters.mu.Unlock()
	l.LockWaiters = len(s.lockWaiters.waiting)
	l.Queued += s.lockWaiters.requests
	l.Capacity += s.lockWaiters.capacity
	return l
}
