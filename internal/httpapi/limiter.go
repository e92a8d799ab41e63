package httpapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"autowebinar/internal/clock"
	"autowebinar/internal/config"
)

// limiter has a token bucket for each recently used key. Its size is bounded: a
// bucket that is full again can be dropped, because a new one is the same.
type limiter[K comparable] struct {
	rate config.Rate

	mu      sync.Mutex
	buckets map[K]*rate.Limiter
	sweptAt time.Time
}

const (
	maxBuckets    = 100_000
	sweepInterval = time.Minute
)

func newLimiter[K comparable](r config.Rate) *limiter[K] {
	return &limiter[K]{rate: r, buckets: map[K]*rate.Limiter{}, sweptAt: clock.Now()}
}

// reserve takes a token and returns 0. If there is no token, it returns the
// time until the next one.
func (l *limiter[K]) reserve(key K) (wait time.Duration) {
	if l.rate.PerSecond == 0 {
		return 0
	}
	now := clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket := l.buckets[key]
	if bucket == nil {
		l.sweep(now)
		bucket = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
		l.buckets[key] = bucket
	}
	reservation := bucket.ReserveN(now, 1)
	if wait = reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

// sweep drops full buckets, periodically and when there are too many. If most of
// them are not full, as in an attack, it drops all. This bounds memory and time,
// and the attacker gains only one burst.
func (l *limiter[K]) sweep(now time.Time) {
	full := len(l.buckets) >= maxBuckets
	if !full && now.Sub(l.sweptAt) < sweepInterval {
		return
	}
	l.sweptAt = now
	for key, bucket := range l.buckets {
		if bucket.TokensAt(now) >= float64(l.rate.Burst) {
			delete(l.buckets, key)
		}
	}
	if full && len(l.buckets) > maxBuckets/2 {
		clear(l.buckets)
	}
}
