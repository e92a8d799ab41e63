package packaging

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/progresstest"
	"autowebinar/internal/servicetest"
)

func TestMain(m *testing.M) { servicetest.Main(m) }

const (
	root     = "../.." // of the repository
	deploy   = root + "/deploy/"
	packTime = "1767225600" // SOURCE_DATE_EPOCH of all builds of these tests
	version  = "v1.2.3-test"
)

// pack runs the program that builds images and releases.
func pack(t testing.TB, args ...string) {
	t.Helper()
	progresstest.Track(t)
	program := []string{"-C", root + "/.ci/pack", "run", ".", "-version", version, "-revision", "0123456789abcdef"}
	cmd := exec.Command("go", append(program, args...)...)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+packTime)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// read returns the text of a file of the repository.
func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(text)
}

// run runs a program and returns its combined output.
func run(t testing.TB, env []string, name string, args ...string) (output string, err error) {
	t.Helper()
	progresstest.Track(t)
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &out
	err = cmd.Run()
	return out.String(), err
}

// tools is a folder of programs that a script in .ci has unpacked.
type tools string

var linters = sync.OnceValues(func() (tools, error) { return runToolScript("linters") })
var webServers = sync.OnceValues(func() (tools, error) { return runToolScript("wordpress") })

func runToolScript(script string) (tools, error) {
	cmd := exec.Command(root + "/.ci/" + script)
	cmd.Stderr = os.Stderr
	folder, err := cmd.Output()
	return tools(strings.TrimSpace(string(folder))), err
}

// find returns the last match below usr/ of the folder or of the machine.
func (w tools) find(t testing.TB, pattern string) string {
	t.Helper()
	for _, root := range []string{string(w) + "/packages/usr/", "/usr/", "/usr/local/"} {
		if found, _ := filepath.Glob(root + pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	require.Fail(t, "missing", "%s is neither in %s nor installed; remove that folder to have its script fill it again", pattern, w)
	return ""
}

// environment makes unpacked programs find their libraries.
func (w tools) environment() []string {
	return append(os.Environ(), "LD_LIBRARY_PATH="+string(w)+"/libraries")
}
