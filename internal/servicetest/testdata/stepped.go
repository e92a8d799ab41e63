package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// ahead is how many seconds the clock is ahead, in a file that somebody else
// writes: the one that STEPPED_CLOCK names.
var ahead = mapAhead()

func mapAhead() *int64 {
	right := new(int64)
	path, _ := syscall.Getenv("STEPPED_CLOCK")
	if path == "" {
		return right
	}
	file, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		panic("STEPPED_CLOCK: " + err.Error())
	}
	page, err := syscall.Mmap(file, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic("STEPPED_CLOCK: " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&page[0]))
}

func steppedNow() (sec int64, nsec int32, mono int64) {
	sec, nsec, mono = runtimeNow()
	return sec + atomic.LoadInt64(ahead), nsec, mono
}
