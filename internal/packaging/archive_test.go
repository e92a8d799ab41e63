package packaging

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The OCI image format. The types are defined independently of the packer, so
// that a mistake in the packer fails the tests.
type (
	descriptor struct {
		MediaType   string
		Digest      string
		Size        int64
		Platform    *struct{ OS, Architecture string }
		Annotations map[string]string
	}
	manifest struct {
		SchemaVersion int
		MediaType     string
		Manifests     []descriptor // of an index
		Config        descriptor   // of an image
		Layers        []descriptor
	}
	imageConfig struct {
		Architecture, OS, Created string
		Config                    struct {
			User            string
			Entrypoint, Cmd []string
			ExposedPorts    map[string]struct{}
			Labels          map[string]string
			Healthcheck     struct {
				Test                           []string
				Interval, Timeout, StartPeriod int64
			}
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
)

// entry is a file of a tar archive, or a folder if its name ends with a slash.
type entry struct {
	tar.Header
	content []byte
}

func untar(t testing.TB, archive []byte) (names []string, entries map[string]entry) {
	t.Helper()
	entries = map[string]entry{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, entries
		}
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		names = append(names, header.Name)
		entries[header.Name] = entry{*header, content}
	}
}

func gunzip(t testing.TB, content []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	require.True(t, r.ModTime.IsZero(), "the gzip header contains a time")
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return plain
}

// ociArchive is an unpacked image archive.
type ociArchive map[string]entry

// blob returns the content of a descriptor after checking digest and size.
func (a ociArchive) blob(t testing.TB, d descriptor) []byte {
	t.Helper()
	algorithm, hash, _ := strings.Cut(d.Digest, ":")
	content := a["blobs/"+algorithm+"/"+hash].content
	require.Equal(t, d.Size, int64(len(content)), d.Digest)
	require.Equal(t, d.Digest, digest(content))
	return content
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func decode[T any](t testing.TB, text []byte) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, &v), "%s", text)
	return v
}

// unpackTo writes the files of an archive into a folder, as a container engine does.
func unpackTo(t testing.TB, dir string, archive []byte) {
	t.Helper()
	names, entries := untar(t, archive)
	for _, name := range names {
		to, mode := filepath.Join(dir, name), fs.FileMode(entries[name].Mode)
		if entries[name].Typeflag == tar.TypeDir {
			require.NoError(t, os.MkdirAll(to, mode))
			continue
		}
		require.NoError(t, os.WriteFile(to, entries[name].content, mode))
		require.NoError(t, os.Chmod(to, mode))
	}
}
