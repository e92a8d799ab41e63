package servicetest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/progresstest"
)

// failpointBinary builds the binary with failpoints for all tests of a package.
var failpointBinary = sync.OnceValues(func() (string, error) {
	return buildShared("-tags=failpoints")
})

// BuildWithFailpoints returns a binary with failpoints, for StartBinary.
func BuildWithFailpoints(t testing.TB) (path string) {
	t.Helper()
	progresstest.Track(t)
	path, err := failpointBinary()
	require.NoError(t, err)
	return path
}

// ServiceClock is a wall clock for instances of the service. It can be set while they
// run.
type ServiceClock struct {
	Binary string            // for StartBinary
	Env    map[string]string // to be added to the environment of an instance
	path   string
}

// NewServiceClock returns a clock that equals the machine's.
func NewServiceClock(t testing.TB) *ServiceClock {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clock")
	require.NoError(t, os.WriteFile(path, make([]byte, 8), 0o600))
	return &ServiceClock{Binary: BuildWithFailpoints(t), Env: map[string]string{"FAILPOINT_CLOCK": path}, path: path}
}

// Set sets the clock ahead of the machine's, by whole seconds.
func (c *ServiceClock) Set(t testing.TB, ahead time.Duration) {
	t.Helper()
	file, err := os.OpenFile(c.path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	_, err = file.Write(binary.NativeEndian.AppendUint64(nil, uint64(int64(ahead/time.Second))))
	require.NoError(t, err)
}
