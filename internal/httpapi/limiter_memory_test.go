package httpapi

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/config"
)

// TestLimiterMemoryIsBounded uses more addresses than any site has clients. It runs
// alone, because it measures the heap.
func TestLimiterMemoryIsBounded(t *testing.T) {
	const clients, maxBytes = 1_000_000, 64 << 20
	before, peak := heapBytes(), int64(0)
	l := newLimiter[netip.Prefix](config.Rate{PerSecond: 10, Burst: 20})
	for i := range uint64(clients) {
		var ip [16]byte
		binary.BigEndian.PutUint64(ip[:], 0x20010db8<<32|i)
		l.reserve(rateLimitKey(netip.AddrFrom16(ip)))
		if len(l.buckets) > maxBuckets {
			t.Fatalf("%d buckets", len(l.buckets))
		}
		if i%(maxBuckets/2) == maxBuckets/2-1 {
			peak = max(peak, heapBytes()-before)
		}
	}
	assert.Less(t, peak, int64(maxBytes))
	assert.Zero(t, l.reserve(rateLimitKey(netip.MustParseAddr("192.0.2.1"))), "a new client is accepted")
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
