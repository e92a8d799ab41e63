package usermeta

import (
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Observer is told how commits go, for whoever counts it. It is called from many
// goroutines at once and must not block.
type Observer interface {
	// Committed is called after each group commit with the number of changes in
	// it, those refused and those left to others among them.
	Committed(changes int, took time.Duration)
	// Repeated is called for each attempt that is made again, and says why:
	// "deadlock", "lock_wait" or "connection".
	Retried(why string)
	// TurnedAway is called for each change that was refused for want of room or
	// time: "full" or "timeout".
	Rejected(why string)
}

type nopObserver struct{}

func (nopObserver) Committed(int, time.Duration) {}
func (nopObserver) Retried(string)               {}
func (nopObserver) Rejected(string)              {}

// observer is who is told; never nil.
func (c Config) observer() Observer {
	if c.Observer == nil {
		return nopObserver{}
	}
	return c.Observer
}

// tellRefused tells of a change that was refused for want of time or room.
func observeRejection(o Observer, err error) {
	switch {
	case err == nil:
	case errors.Is(err, errQueueFull):
		o.Rejected("full")
	case errors.Is(err, errQueueTimeout):
		o.Rejected("timeout")
	}
}

// whyAgain says what an error was for which again is true.
func retryReason(err error) string {
	var sqlErr *mysql.MySQLError
	if !errors.As(err, &sqlErr) {
		return "connection"
	}
	switch sqlErr.Number {
	case errDeadlock, errLockDeadlock, errUserLockDeadlock, errCheckRead:
		return "deadlock"
	case errLockWait, errLockNowait:
		return "lock_wait"
	}
	return "connection"
}

// Pressure is how much work waits in a store.
type Load struct {
	Queued      int // changes for the next commits, and beside the lanes
	Capacity    int // for changes that wait, in the lanes and beside them
	LockWaiters int // viewers whose rows somebody else holds
}

// Pressure is a snapshot.
func (s *Store) Load() Load {
	var p Load
	for _, l := range s.queues {
		l.mu.Lock()
		p.Queued += len(l.waiting)
		l.mu.Unlock()
		p.Capacity += l.capacity
	}
	s.lockWaiters.mu.Lock()
	defer s.lockWaiters.mu.Unlock()
	p.LockWaiters = len(s.lockWaiters.waiting)
	p.Queued += s.lockWaiters.changes
	p.Capacity += s.lockWaiters.room
	return p
}
