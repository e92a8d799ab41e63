package httpapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter holds a token bucket for each key that was seen lately. Its size is
// bounded: buckets that are full again are as good as none.
type limiter[K comparable] struct {
	rate Rate

	mu      sync.Mutex
	buckets map[K]*rate.Limiter
	swept   time.Time
}

const (
	maxBuckets = 100_000
	sweepEvery = time.Minute
)

func newLimiter[K comparable](r Rate) *limiter[K] {
	return &limiter[K]{rate: r, buckets: map[K]*rate.Limiter{}, swept: time.Now()}
}

// take takes a token. Where there is none it says how long until there is; 0
// means that there was one.
func (l *limiter[K]) reserve(key K) (wait time.Duration) {
	if l.rate.PerSecond == 0 {
		return 0
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket := l.buckets[key]
	if bucket == nil {
		l.sweep(now)
		bucket = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
		l.buckets[key] = bucket
	}
	if bucket.AllowN(now, 1) {
		return 0
	}
	missing := 1 - bucket.TokensAt(now)
	return max(1, time.Duration(missing/l.rate.PerSecond*float64(time.Second)))
}

// sweep makes room for a new bucket: it forgets full ones, now and then and when
// there are many. If an attack keeps them busy they are forgotten all at once:
// memory and time are bounded, and the attacker gains one burst.
func (l *limiter[K]) sweep(now time.Time) {
	crowded := len(l.buckets) >= maxBuckets
	if !crowded && now.Sub(l.swept) < sweepEvery {
		return
	}
	l.swept = now
	for key, bucket := range l.buckets {
		if bucket.TokensAt(now) >= float64(l.rate.Burst) {
			delete(l.buckets, key)
		}
	}
	if crowded && len(l.buckets) > maxBuckets/2 {
		clear(l.buckets)
	}
}
