package httpapi

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/config"
)

func allowed(l *limiter[int], key int) bool {
	return l.reserve(key) == 0
}

func TestLimiterAllowsBurstAndRefills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter[int](config.Rate{PerSecond: 2, Burst: 3})
		for range 3 {
			assert.True(t, allowed(l, 1))
		}
		wait := l.reserve(1)
		assert.Equal(t, 500*time.Millisecond, wait)
		assert.True(t, allowed(l, 2), "each key has its own bucket")

		time.Sleep(wait - time.Millisecond)
		wait = l.reserve(1)
		assert.InDelta(t, time.Millisecond, wait, float64(time.Microsecond), "a failed attempt takes no token")
		time.Sleep(time.Millisecond)
		assert.True(t, allowed(l, 1))
		assert.False(t, allowed(l, 1))

		time.Sleep(time.Hour)
		for range 3 {
			assert.True(t, allowed(l, 1))
		}
		assert.False(t, allowed(l, 1), "the bucket holds no more than a burst")
	})
}

func TestLimiterWithoutRate(t *testing.T) {
	t.Parallel()
	l := newLimiter[int](config.Rate{})
	for range 1000 {
		assert.True(t, allowed(l, 1))
	}
	assert.Empty(t, l.buckets)
}

func TestLimiterDropsFullBuckets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter[int](config.Rate{PerSecond: 0.01, Burst: 1})
		allowed(l, 1)
		time.Sleep(sweepInterval)
		allowed(l, 2)
		assert.Len(t, l.buckets, 2, "the first has not refilled yet")
		time.Sleep(sweepInterval - time.Second)
		allowed(l, 3)
		assert.Len(t, l.buckets, 3, "the limiter does not sweep on every request")
		time.Sleep(time.Second)
		allowed(l, 4)
		assert.Len(t, l.buckets, 3, "after 120 s the first is full")
		assert.False(t, allowed(l, 3))
		assert.NotContains(t, l.buckets, 1)
	})
}

func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter[int](config.Rate{PerSecond: 1, Burst: 1})
		for key := range maxBuckets {
			allowed(l, key)
		}
		assert.Len(t, l.buckets, maxBuckets)
		assert.False(t, allowed(l, maxBuckets-1), "no bucket is full")
		assert.LessOrEqual(t, len(l.buckets), maxBuckets)

		for key := range 3 * maxBuckets {
			allowed(l, -key)
			if len(l.buckets) > maxBuckets {
				t.Fatalf("%d buckets", len(l.buckets))
			}
		}
	})
}

func TestLimiterIsExactUnderConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter[int](config.Rate{PerSecond: 1, Burst: 10})
		var passed atomic.Int64
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				if allowed(l, 1) {
					passed.Add(1)
				}
			})
		}
		group.Wait()
		assert.EqualValues(t, 10, passed.Load())
	})
}
