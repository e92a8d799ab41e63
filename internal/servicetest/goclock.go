package servicetest

import (
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

//go:embed testdata/stepped.go
var steppedSource []byte

// GoClock is the wall clock of instances of the service that can be stepped
// while they run. They are made with a time package whose Now asks a file: Go
// asks the kernel for the time by itself, where no library can step in between.
type ServiceClock struct {
	Binary string            // for StartBinary
	Env    map[string]string // goes into its environment
	path   string
}

// NewGoClock builds the binary. The clock is right at first.
func NewServiceClock(t testing.TB) *ServiceClock {
	t.Helper()
	dir := t.TempDir()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	library := filepath.Join(strings.TrimSpace(string(root)), "src", "time")

	source, err := os.ReadFile(filepath.Join(library, "time.go"))
	require.NoError(t, err)
	const asks = "sec, nsec, mono := runtimeNow()\n"
	require.Equal(t, 1, strings.Count(string(source), asks), "the time package of this Go is another one")
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	replace := map[string]string{
		filepath.Join(library, "time.go"):    write("time.go", []byte(strings.Replace(string(source), asks, "sec, nsec, mono := steppedNow()\n", 1))),
		filepath.Join(library, "stepped.go"): write("stepped.go", steppedSource),
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)

	c := &ServiceClock{path: write("clock", make([]byte, 8))}
	c.Env = map[string]string{"STEPPED_CLOCK": c.path}
	c.Binary = Build(t, "-overlay", write("overlay.json", overlay))
	return c
}

// Set makes the clock differ from the machine's, from now on. Whole seconds.
func (c *ServiceClock) Set(t testing.TB, ahead time.Duration) {
	t.Helper()
	file, err := os.OpenFile(c.path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	_, err = file.Write(binary.NativeEndian.AppendUint64(nil, uint64(int64(ahead/time.Second))))
	require.NoError(t, err)
}
