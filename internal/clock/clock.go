//go:build !failpoints

// Package clock returns the current time. In a binary that is built with the tag
// failpoints, tests can set the wall clock while the process runs.
package clock

import "time"

// Now returns the current time.
func Now() time.Time { return time.Now() }
