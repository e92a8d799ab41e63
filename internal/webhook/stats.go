package webhook

import (
	"sync"
	"time"
)

// Stats is a snapshot of the dispatcher, for health pages and metrics. The
// counters run from the start of the process.
type Stats struct {
	Running       bool // a term is under way in this process
	ReceiverKnown bool // an attempt of this term has told how the sink is: failures of one viewer, answered, do not
	ReceiverUp    bool // false while that is not known
	Deferred      int  // viewers known to have something unsent and not being sent
	Accepted      uint64
	Failed        uint64 // attempts, the last ones of dead messages included
	Dead          uint64 // messages
	Withdrawn     uint64 // messages whose user is gone

	LastSuccess time.Time // zero: none yet
	LastError   string    // of the last failed attempt; empty: none yet
	LastErrorAt time.Time
}

type stats struct {
	mu sync.Mutex
	s  Stats
}

func (k *stats) update(change func(*Stats)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.s)
}

func (k *stats) snapshot() Stats {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.s
}
