package webhook

import (
	"sync"
	"time"
)

// Stats is a snapshot of the dispatcher, for health checks and metrics. Counters
// start at zero with the process.
type Stats struct {
	Running       bool // a Run is in progress in this process
	ReceiverKnown bool // this run has found out whether the receiver is available
	ReceiverUp    bool // false while that is unknown
	Deferred      int  // viewers with messages that are not being sent
	Accepted      uint64
	Failed        uint64    // attempts, including the last ones of dead messages
	Dead          uint64    // messages
	Withdrawn     uint64    // messages of deleted users
	LastSuccess   time.Time // zero: none yet
}

type stats struct {
	mu sync.Mutex
	s  Stats
}

func (s *stats) update(change func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.s)
}

func (s *stats) snapshot() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.s
}
