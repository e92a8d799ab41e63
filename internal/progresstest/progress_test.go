package progresstest

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReportsNameRunningTests(t *testing.T) {
	t.Parallel()
	reader, writer := io.Pipe()
	p := &progress{started: time.Now(), running: map[string]int{}, out: writer}
	p.add("TestOne", 1)
	p.add("TestTwo", 1)
	p.add("TestTwo/subtest", 2)
	p.add("TestTwo/subtest", -1)
	p.add("TestThree", 1)
	p.add("TestThree", -1)
	assert.Equal(t, "TestOne, TestTwo/subtest", p.names())

	done := make(chan struct{})
	go func() {
		defer writer.Close()
		p.reportEvery(time.Millisecond, done)
	}()
	line := make([]byte, 200)
	n, err := reader.Read(line)
	require.NoError(t, err)
	close(done)
	assert.Equal(t, "progresstest: 0s: running: TestOne, TestTwo/subtest\n", string(line[:n]))
	_, err = io.Copy(io.Discard, reader)
	assert.NoError(t, err, "no report is written after the end")
}

func TestTrackedTestIsReportedUntilItEnds(t *testing.T) {
	t.Run("subtest", func(t *testing.T) {
		Track(t)
		Track(t)
		assert.Contains(t, current.names(), t.Name())
	})
	assert.NotContains(t, current.names(), t.Name()+"/subtest")
}

func TestOutputIsAppendedToTheNamedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "progress")
	require.NoError(t, os.WriteFile(path, []byte("first\n"), 0o600))
	t.Setenv(Env, path)
	p := &progress{started: time.Now(), out: output()}
	p.print("second")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, []string{"first", "progresstest: 0s: second", ""}, strings.Split(string(text), "\n"))

	t.Setenv(Env, filepath.Join(path, "missing"))
	assert.Equal(t, os.Stderr, output())
}
