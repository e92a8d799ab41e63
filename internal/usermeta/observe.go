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
	Repeated(why string)
	// TurnedAway is called for each change that was refused for want of room or
	// time: "full" or "late".
	TurnedAway(why string)
}

type nobody struct{}

func (nobody) Committed(int, time.Duration) {}
func (nobody) Repeated(string)              {}
func (nobody) TurnedAway(string)            {}

// observer is who is told; never nil.
func (c Config) observer() Observer {
	if c.Observer == nil {
		return nobody{}
	}
	return c.Observer
}

// tellRefused tells of a change that was refused for want of time or room.
func tellRefused(o Observer, err error) {
	switch {
	case err == nil:
	case errors.Is(err, errCrowded):
		o.TurnedAway("full")
	case errors.Is(err, errExpired):
		o.TurnedAway("late")
	}
}

// whyAgain says what an error was for which again is true.
func whyAgain(err error) string {
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
type Pressure struct {
	Waiting    int // changes for the next commits, and beside the lanes
	Room       int // for changes that wait, in the lanes and beside them
	Stragglers int // viewers whose rows somebody else holds
}

// Pressure is a snapshot.
func (s *Store) Pressure() Pressure {
	var p Pressure
	for _, l := range s.lanes {
		l.mu.Lock()
		p.Waiting += len(l.waiting)
		l.mu.Unlock()
		p.Room += l.room
	}
	s.stragglers.mu.Lock()
	defer s.stragglers.mu.Unlock()
	p.Stragglers = len(s.stragglers.waiting)
	p.Waiting += s.stragglers.changes
	p.Room += s.stragglers.room
	return p
}
