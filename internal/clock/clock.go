//go:build !failpoints

// Package clock tells the time. In a binary that is built with the tag failpoints the
// tests can set its wall clock while the process runs.
package clock

import "time"

// Now returns the current time.
func Now() time.Time { return time.Now() }
