//go:build !failpoints

package failpoint

// Enabled reports whether a failpoint is enabled.
func Enabled(Name) bool { return false }
