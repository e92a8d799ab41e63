package servicetest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// EnvFaketime names libfaketimeMT.so.1 if it is not in its usual folder.
const EnvFaketime = "AUTOWEBINAR_LIBFAKETIME"

// DatabaseClock is the clock of a MariaDB server. It can be set while the server
// runs.
type DatabaseClock struct {
	// Env contains variables to append to Config.Env of the server.
	Env  []string
	path string
}

// NewDatabaseClock returns a clock that equals the machine's.
func NewDatabaseClock(t testing.TB) *DatabaseClock {
	t.Helper()
	library := os.Getenv(EnvFaketime)
	if library == "" {
		found, err := filepath.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
		require.NoError(t, err)
		require.NotEmpty(t, found, "install libfaketime (Debian: apt-get install libfaketime) or set %s to the path of libfaketimeMT.so.1", EnvFaketime)
		library = found[0]
	}
	c := &DatabaseClock{path: filepath.Join(t.TempDir(), "clock")}
	c.Env = []string{
		"LD_PRELOAD=" + library, "FAKETIME_TIMESTAMP_FILE=" + c.path, "FAKETIME_NO_CACHE=1",
		"FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_RESET=1", "NO_FAKE_STAT=1",
	}
	c.Set(t, 0)
	return c
}

// Set sets the clock ahead of the machine's.
func (c *DatabaseClock) Set(t testing.TB, ahead time.Duration) {
	t.Helper()
	// The server may read the file at any time, so it is replaced atomically.
	require.NoError(t, os.WriteFile(c.path+".new", fmt.Appendf(nil, "%+.3f\n", ahead.Seconds()), 0o600))
	require.NoError(t, os.Rename(c.path+".new", c.path))
}
