package wordpress

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

// maxCached bounds the cache, in logins: about 15 MB when full.
const maxCached = 50_000

// cacheKey is a hash of the whole cookie: the memory of the process holds no
// cookie that could be replayed.
type cacheKey [sha256.Size]byte

func keyOf(c *http.Cookie) cacheKey {
	// A name has no "=", so the two cannot run into each other.
	return sha256.Sum256([]byte(c.Name + "=" + c.Value))
}

type cached struct {
	login   Login
	until   time.Time // when the rows must be read again
	expires int64     // the last valid second of cookie and session
}

// loginCache keeps entries in two generations. The young one becomes the old
// one, and the old one is dropped, when it is full or older than an entry
// lives: so nothing needs a sweep, and the two together are the bound.
type loginCache struct {
	lifetime time.Duration
	capacity int

	mu         sync.Mutex
	young, old map[cacheKey]cached
	turned     time.Time
}

func newLoginCache(lifetime time.Duration, capacity int) *loginCache {
	return &loginCache{lifetime: lifetime, capacity: capacity, young: make(map[cacheKey]cached)}
}

func (c *loginCache) get(key cacheKey, now time.Time) (Login, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.young[key]
	if !ok {
		entry, ok = c.old[key]
	}
	if !ok || !now.Before(entry.until) || entry.expires < now.Unix() {
		return Login{}, false
	}
	return entry.login, true
}

// put keeps a login that was true at the given moment.
func (c *loginCache) put(key cacheKey, login Login, expires int64, at time.Time) {
	if c.lifetime <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.capacity/2 || at.Sub(c.turned) >= c.lifetime {
		c.old, c.young = c.young, make(map[cacheKey]cached)
		c.turned = at
	}
	c.young[key] = cached{login: login, until: at.Add(c.lifetime), expires: expires}
}

func (c *loginCache) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.young) + len(c.old)
}
