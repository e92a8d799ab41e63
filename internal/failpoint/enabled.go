//go:build failpoints

package failpoint

import "os"

var enabled = Name(os.Getenv(Env))

// Enabled reports whether a failpoint is enabled.
func Enabled(name Name) bool { return name == enabled }
