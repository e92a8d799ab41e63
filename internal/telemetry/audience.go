package telemetry

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// AudienceWindow is how long after its last word a session counts as being
// watched: three reports at the usual rate.
const AudienceWindow = 30 * time.Second

// maxAudience bounds the memory of an audience, to some 8 MB. Beyond it is full.
const maxAudience = 200_000

// audience knows which sessions were heard of lately.
type activeSessions struct {
	seed maphash.Seed
	size atomic.Int64 // as of the last count

	mu   sync.Mutex
	last map[uint64]int64 // by a hash of the session's id: Unix seconds
}

func newAudience() *activeSessions {
	return &activeSessions{seed: maphash.MakeSeed(), last: map[uint64]int64{}}
}

func (a *activeSessions) seen(session string, now time.Time) {
	key := maphash.String(a.seed, session)
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.last[key]; known || len(a.last) < maxAudience {
		a.last[key] = now.Unix()
	}
}

// count forgets who was not heard of for the window, and counts the others.
func (a *activeSessions) count(now time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	oldest := now.Add(-AudienceWindow).Unix()
	for key, at := range a.last {
		if at < oldest {
			delete(a.last, key)
		}
	}
	a.size.Store(int64(len(a.last)))
	return len(a.last)
}
