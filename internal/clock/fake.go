//go:build failpoints

// Package clock returns the time of a wall clock that tests can set.
// FAILPOINT_CLOCK names a file that contains the clock's offset in seconds as
// eight bytes.
package clock

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

var ahead = mapFile(os.Getenv("FAILPOINT_CLOCK"))

// mapFile maps the file into memory, so that every call of Now sees its content.
func mapFile(path string) *int64 {
	if path == "" {
		return new(int64)
	}
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	page, err := syscall.Mmap(int(file.Fd()), 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic("map FAILPOINT_CLOCK: " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&page[0]))
}

// Now returns the current time of the clock. As when the clock of a machine is set,
// the monotonic reading does not change. Time.Add would change it, so the seconds are
// added to the wall seconds of the Time, which begin at bit 30 of its first word.
func Now() time.Time {
	now := time.Now()
	wall := (*uint64)(unsafe.Pointer(&now))
	*wall += uint64(atomic.LoadInt64(ahead)) << 30
	return now
}
