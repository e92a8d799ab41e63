package webhook

import (
	"sync"
	"time"
)

// Stats is a snapshot of the dispatcher, for health checks and metrics. Counters
// start at zero with the process.
type Stats struct {
	Running       bool      `json:"running"`        // a Run is in progress in this process
	ReceiverKnown bool      `json:"receiver_known"` // this run has found out whether the receiver is available
	ReceiverUp    bool      `json:"receiver_up"`    // false while the state of the receiver is unknown
	Pending       int       `json:"pending"`        // viewers with messages that are not being sent
	Accepted      uint64    `json:"accepted"`
	Failed        uint64    `json:"failed"`                // attempts, including the last ones of dead messages
	Dead          uint64    `json:"dead"`                  // messages
	Discarded     uint64    `json:"discarded"`             // messages of deleted users
	LastSuccess   time.Time `json:"last_success,omitzero"` // zero if none yet
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
