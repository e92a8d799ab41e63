package telemetry

import (
	"hash/maphash"
	"sync"
	"time"
)

// activeWindow is how long a session counts as active after its last request:
// three reports at the default rate.
const activeWindow = 30 * time.Second

// maxActiveSessions bounds the memory of activeSessions to about 8 MB. Further
// sessions are not counted.
const maxActiveSessions = 200_000

// activeSessions tracks the sessions that sent a request within activeWindow.
type activeSessions struct {
	seed maphash.Seed

	mu       sync.Mutex
	lastSeen map[uint64]int64 // Unix seconds by the hash of the session id
}

func newActiveSessions() *activeSessions {
	return &activeSessions{seed: maphash.MakeSeed(), lastSeen: map[uint64]int64{}}
}

func (a *activeSessions) seen(session string, now time.Time) {
	key := maphash.String(a.seed, session)
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.lastSeen[key]; known || len(a.lastSeen) < maxActiveSessions {
		a.lastSeen[key] = now.Unix()
	}
}

// count removes expired sessions and returns the number of the others.
func (a *activeSessions) count(now time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	oldest := now.Add(-activeWindow).Unix()
	for key, at := range a.lastSeen {
		if at < oldest {
			delete(a.lastSeen, key)
		}
	}
	return len(a.lastSeen)
}
