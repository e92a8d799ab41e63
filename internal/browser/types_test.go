package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const playerSources = "../../api/player"

func TestTypesMatchSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	copyFiles(t, playerSources, "*.js", dir)
	copyFiles(t, playerSources, "*.d.ts", dir)
	copyFiles(t, "testdata/types", "*", dir)
	require.NoError(t, os.Rename(filepath.Join(dir, "autowebinar.js"), filepath.Join(dir, "implementation.js")))
	out, err := exec.Command("../../.ci/npm/node_modules/.bin/tsc", "--pretty", "false", "-p", dir).CombinedOutput()
	assert.NoError(t, err, "%s", out)
}

func TestDistIsBuiltFromSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	copyFiles(t, playerSources, "*.js", dir)
	out, err := exec.Command("../../.ci/player", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, pattern := range []string{"*.js", "*.map", "player/*"} {
		built, err := filepath.Glob(filepath.Join(dir, "dist", pattern))
		require.NoError(t, err)
		require.NotEmpty(t, built)
		for _, path := range built {
			name, err := filepath.Rel(dir, path)
			require.NoError(t, err)
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				continue
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			have, err := os.ReadFile(filepath.Join(playerSources, name))
			require.NoError(t, err)
			assert.True(t, string(want) == string(have), "%s is not built from these sources: run .ci/player", name)
		}
	}
}

func copyFiles(t *testing.T, from, pattern, to string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, pattern))
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(to, filepath.Base(file)), content, 0o600))
	}
}
