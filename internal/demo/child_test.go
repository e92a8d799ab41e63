package demo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func startScript(ctx context.Context, script string, log *bytes.Buffer) (*child, []string, error) {
	cfg := childConfig{name: "script", command: []string{"sh", "-c", script}, started: regexp.MustCompile(`at (\S+)\n`)}
	if log != nil {
		cfg.log = log
	}
	return startChild(ctx, cfg)
}

func TestChildRunsUntilItIsClosed(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	child, match, err := startScript(t.Context(), "echo first; printf 'listening at '; echo here; cat; echo last >&2", &log)
	require.NoError(t, err)
	assert.Equal(t, "here", match[1], "a line in two writes")
	require.NoError(t, child.close())
	assert.Equal(t, "first\nlistening at here\nlast\n", log.String())
}

func TestChildFailureIncludesItsOutput(t *testing.T) {
	t.Parallel()
	_, _, err := startScript(t.Context(), "echo 'no memory' >&2; exit 1", nil)
	assert.ErrorContains(t, err, "no memory")

	child, _, err := startScript(t.Context(), "echo at once; cat; echo 'ended badly' >&2; exit 3", nil)
	require.NoError(t, err)
	assert.ErrorContains(t, child.close(), "ended badly")
}

func TestChildStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("stopped"))
	_, _, err := startScript(ctx, "cat", nil)
	assert.ErrorIs(t, err, context.Canceled)
}

// newCheckout is a folder that looks like a checkout whose engine does not compile.
func newCheckout(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	source := filepath.Join(root, filepath.FromSlash(engineFolder))
	require.NoError(t, os.MkdirAll(source, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(source, "go.mod"), []byte(engineModule+"\n"), 0o644))
	return root
}

func TestCheckoutIsFoundUpwards(t *testing.T) {
	t.Parallel()
	root := newCheckout(t)
	deep := filepath.Join(root, "cmd", "demo")
	require.NoError(t, os.MkdirAll(deep, 0o755))
	found, err := findCheckout([]string{t.TempDir(), deep})
	require.NoError(t, err)
	assert.Equal(t, root, found)

	found, err = findCheckout(startFolders())
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(found, "internal", "demo", "build.go"))
}

func TestBuildWithoutACheckoutAsksForADSN(t *testing.T) {
	t.Parallel()
	_, err := findCheckout([]string{t.TempDir()})
	err = withoutEngine(err)
	assert.ErrorIs(t, err, ErrNoDatabase)
	assert.ErrorContains(t, err, "--db user:password@tcp(host:3306)/database")
}

func TestBuildWithoutTheGoToolAsksForADSN(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := startEngine(t.Context(), newCheckout(t), noProgress)
	assert.ErrorIs(t, err, ErrNoDatabase)
	assert.ErrorContains(t, err, "--db user:password@tcp(host:3306)/database")
}

func TestFailedBuildLeavesNoBinary(t *testing.T) {
	t.Parallel()
	root := newCheckout(t)
	var said []string
	_, err := startEngine(t.Context(), root, func(text string) { said = append(said, text) })
	assert.ErrorContains(t, err, "build ")
	assert.Len(t, said, 1, "one line before a slow step")
	left, err := filepath.Glob(filepath.Join(root, "bin", "demo", "*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
