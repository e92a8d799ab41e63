package wordpress

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

// cacheCapacity is the maximum number of cached logins, about 15 MB.
const cacheCapacity = 50_000

// cacheKey is a hash of the whole cookie, so that the cache contains no cookie
// that could be replayed.
type cacheKey [sha256.Size]byte

func cacheKeyOf(c *http.Cookie) cacheKey {
	// The separator is unambiguous because a name contains no "=".
	return sha256.Sum256([]byte(c.Name + "=" + c.Value))
}

type cacheEntry struct {
	login      Login
	validUntil time.Time // afterwards the rows must be read again
	expires    int64     // the last valid second of cookie and session
}

// loginCache keeps entries in two generations. When the young one is full or
// older than lifetime, it becomes the old one and the old one is dropped. This
// bounds the cache without sweeping it for expired entries.
type loginCache struct {
	lifetime time.Duration
	capacity int

	mu         sync.Mutex
	young, old map[cacheKey]cacheEntry
	rotatedAt  time.Time
}

func newLoginCache(lifetime time.Duration, capacity int) *loginCache {
	return &loginCache{lifetime: lifetime, capacity: capacity, young: make(map[cacheKey]cacheEntry)}
}

func (c *loginCache) get(key cacheKey, now time.Time) (Login, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.young[key]
	if !ok {
		entry, ok = c.old[key]
	}
	if !ok || !now.Before(entry.validUntil) || entry.expires < now.Unix() {
		return Login{}, false
	}
	return entry.login, true
}

// put caches a login that was verified at a time.
func (c *loginCache) put(key cacheKey, login Login, expires int64, at time.Time) {
	if c.lifetime <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.capacity/2 || at.Sub(c.rotatedAt) >= c.lifetime {
		c.old, c.young = c.young, make(map[cacheKey]cacheEntry)
		c.rotatedAt = at
	}
	c.young[key] = cacheEntry{login: login, validUntil: at.Add(c.lifetime), expires: expires}
}
