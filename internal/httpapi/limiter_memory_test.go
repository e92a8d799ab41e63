package httpapi

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAMillionStrangers floods a limiter with more addresses than any site has:
// what is kept of them is bounded, in entries and in bytes. It runs beside no
// other test of the package, because it weighs the heap.
func TestLimiterMemoryIsBounded(t *testing.T) {
	const strangers, maxBytes = 1_000_000, 64 << 20
	before, heaviest := heapBytes(), int64(0)
	l := newLimiter[netip.Prefix](Rate{PerSecond: 10, Burst: 20})
	for i := range uint64(strangers) {
		var ip [16]byte
		binary.BigEndian.PutUint64(ip[:], 0x20010db8<<32|i)
		l.reserve(rateLimitKey(netip.AddrFrom16(ip)))
		if len(l.buckets) > maxBuckets {
			t.Fatalf("%d buckets", len(l.buckets))
		}
		if i%(maxBuckets/2) == maxBuckets/2-1 {
			heaviest = max(heaviest, heapBytes()-before)
		}
	}
	assert.Less(t, heaviest, int64(maxBytes))
	assert.Zero(t, l.reserve(rateLimitKey(netip.MustParseAddr("192.0.2.1"))), "who comes last finds a place")
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
