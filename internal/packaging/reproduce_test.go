package packaging

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The second build uses a copy of the sources with another path, owner and times.
func TestImageIsReproducible(t *testing.T) {
	t.Parallel()
	copied, out := filepath.Join(t.TempDir(), "other name"), t.TempDir()
	require.NoError(t, os.Mkdir(copied, 0o755))
	for _, name := range []string{"go.mod", "go.sum", "LICENSE", "api", "cmd", "internal"} {
		output, err := run(t, os.Environ(), "cp", "-r", "--no-preserve=timestamps", filepath.Join(root, name), copied)
		require.NoError(t, err, output)
	}
	pack(t, "-source", copied, "-platforms", "linux/amd64", "-out", out, "image")
	again, err := os.ReadFile(filepath.Join(out, "autowebinar-"+version+".oci.tar"))
	require.NoError(t, err)
	assert.True(t, bytes.Equal(imageArchive(t), again), "two builds of the same sources differ")
}

func TestReleaseContents(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	pack(t, "-platforms", "linux/amd64", "-out", out, "release")
	const name = "autowebinar-" + version + "-linux-amd64"
	archive, err := os.ReadFile(filepath.Join(out, name+".tar.gz"))
	require.NoError(t, err)

	names, entries := untar(t, gunzip(t, archive))
	for _, wanted := range []string{"LICENSE", "THIRD-PARTY-LICENSES", "README.md", "CHANGELOG.md", "docs/operations.md", "migrations-none.md", "deploy/compose.yaml",
		"deploy/systemd/autowebinar.service", "deploy/autowebinar.env.example", "api/openapi.yaml", "api/wordpress/autowebinar.php"} {
		assert.Contains(t, names, name+"/"+wanted)
	}
	for _, file := range names {
		assert.True(t, strings.HasPrefix(file, name+"/"), file)
		assert.NotRegexp(t, `\.go$|/\.|\.env$|testdata`, file)
	}
	assert.EqualValues(t, 0o755, entries[name+"/autowebinar"].Mode)
	assert.EqualValues(t, 0o755, entries[name+"/deploy/compose/new-secrets"].Mode)
	for service, s := range decodeCompose(t, string(entries[name+"/deploy/compose.yaml"].content)).Services {
		assert.Empty(t, s.Build, "%s: there are no sources to build from", service)
		for _, volume := range s.Volumes {
			if from, _, _ := strings.Cut(volume, ":"); strings.HasPrefix(from, ".") {
				assert.Contains(t, names, path.Join(name, "deploy", from), service)
			}
		}
	}

	dir := t.TempDir()
	unpackTo(t, dir, gunzip(t, archive))
	output, err := run(t, nil, filepath.Join(dir, name, "autowebinar"), "version")
	require.NoError(t, err)
	assert.Equal(t, "autowebinar "+version+"\n", output)

	bill, err := os.ReadFile(filepath.Join(out, name+".spdx.json"))
	require.NoError(t, err)
	decode[spdx](t, bill).requireMatchesModules(t)
	check, err := run(t, os.Environ(), "sh", "-c", `cd "$1" && sha256sum --strict -c SHA256SUMS`, "sh", out)
	require.NoError(t, err, check)
	assert.Contains(t, check, name+".tar.gz: OK")
	assert.Contains(t, check, name+".spdx.json: OK")
}
