package wordpress

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webinar"
)

func testKey(n int) (key cacheKey) {
	binary.BigEndian.PutUint64(key[:], uint64(n))
	return key
}

func (c *loginCache) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.young) + len(c.old)
}

func TestCacheEntriesExpire(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	for name, tt := range map[string]struct {
		expires int64
		age     time.Duration
		want    bool
	}{
		"immediately":                   {2000, 0, true},
		"just before the lifetime ends": {2000, 30*time.Second - 1, true},
		"at the end of the lifetime":    {2000, 30 * time.Second, false},
		"last second of the cookie":     {1010, 10*time.Second + 999*time.Millisecond, true},
		"after the cookie has expired":  {1010, 11 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newLoginCache(30*time.Second, 10)
			c.put(testKey(1), Login{User: 7}, tt.expires, start)
			_, ok := c.get(testKey(1), start.Add(tt.age))
			assert.Equal(t, tt.want, ok)
		})
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c, now := newLoginCache(30*time.Second, 100), time.Unix(1000, 0)
	for n := range 10_000 {
		c.put(testKey(n), Login{User: webinar.UserID(n)}, 2000, now)
		assert.LessOrEqual(t, c.size(), 100)
	}
	login, ok := c.get(testKey(9_999), now)
	assert.True(t, ok)
	assert.Equal(t, webinar.UserID(9_999), login.User)
	_, ok = c.get(testKey(0), now)
	assert.False(t, ok)
}

func TestCacheDropsExpiredEntries(t *testing.T) {
	t.Parallel()
	c, now := newLoginCache(30*time.Second, 100), time.Unix(1000, 0)
	for n := range 40 {
		c.put(testKey(n), Login{}, 9000, now)
	}
	for n := range 3 {
		c.put(testKey(100+n), Login{}, 9000, now.Add(time.Duration(n+1)*30*time.Second))
	}
	assert.Equal(t, 2, c.size())
}

func TestCacheDisabled(t *testing.T) {
	t.Parallel()
	c := newLoginCache(-1, 100)
	c.put(testKey(1), Login{}, 9000, time.Unix(1000, 0))
	assert.Zero(t, c.size())
}

func TestCacheIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	c, now := newLoginCache(30*time.Second, 10), time.Unix(1000, 0)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for n := range 500 {
				key := testKey(n % 20)
				c.put(key, Login{User: webinar.UserID(n % 20)}, 9000, now)
				if login, ok := c.get(testKey((n+worker)%20), now); ok {
					assert.Equal(t, webinar.UserID((n+worker)%20), login.User)
				}
			}
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, c.size(), 10)
}
