package packaging

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const maxImage = 20_000_000 // bytes, compressed

// imageBuild is the image archive of these sources, built once.
var imageBuild struct {
	once    sync.Once
	archive []byte
}

func imageArchive(t testing.TB) []byte {
	t.Helper()
	imageBuild.once.Do(func() {
		out := t.TempDir()
		pack(t, "-platforms", "linux/amd64", "-out", out, "image")
		archive, err := os.ReadFile(filepath.Join(out, "autowebinar-"+version+".oci.tar"))
		require.NoError(t, err)
		imageBuild.archive = archive
	})
	require.NotEmpty(t, imageBuild.archive, "the image could not be built")
	return imageBuild.archive
}

// image is the linux/amd64 image of the archive with its attestations.
type image struct {
	ociArchive
	descriptor   descriptor
	manifest     manifest
	config       imageConfig
	attestations []manifest
}

func openImage(t testing.TB) image {
	t.Helper()
	_, entries := untar(t, imageArchive(t))
	i := image{ociArchive: entries}
	require.JSONEq(t, `{"imageLayoutVersion":"1.0.0"}`, string(entries["oci-layout"].content))
	top := decode[manifest](t, entries["index.json"].content)
	require.Len(t, top.Manifests, 1)
	assert.Equal(t, version, top.Manifests[0].Annotations["org.opencontainers.image.ref.name"])
	for _, d := range decode[manifest](t, i.blob(t, top.Manifests[0])).Manifests {
		require.NotNil(t, d.Platform)
		if d.Platform.OS == "unknown" {
			i.attestations = append(i.attestations, decode[manifest](t, i.blob(t, d)))
			assert.Equal(t, i.descriptor.Digest, d.Annotations["vnd.docker.reference.digest"])
			continue
		}
		assert.Equal(t, "linux/amd64", d.Platform.OS+"/"+d.Platform.Architecture)
		i.descriptor, i.manifest = d, decode[manifest](t, i.blob(t, d))
	}
	i.config = decode[imageConfig](t, i.blob(t, i.manifest.Config))
	return i
}

// unpack writes the image's root file system to a folder.
func (i image) unpack(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	for n, layer := range i.manifest.Layers {
		archive := gunzip(t, i.blob(t, layer))
		assert.Equal(t, i.config.RootFS.DiffIDs[n], digest(archive))
		unpackTo(t, dir, archive)
	}
	return dir
}

func TestImageContents(t *testing.T) {
	t.Parallel()
	i := openImage(t)
	var size int64
	var files []string
	for _, layer := range i.manifest.Layers {
		size += layer.Size
		names, entries := untar(t, gunzip(t, i.blob(t, layer)))
		for _, name := range names {
			assert.Zero(t, entries[name].Uid, name)
			assert.Equal(t, packTime, jsonNumber(entries[name].ModTime.Unix()), name)
			if !strings.HasSuffix(name, "/") {
				files = append(files, name)
			}
		}
	}
	assert.Less(t, size, int64(maxImage))
	assert.ElementsMatch(t, []string{"autowebinar", "etc/ssl/certs/ca-certificates.crt", "licenses/LICENSE", "licenses/THIRD-PARTY-LICENSES"}, files)

	authorities, err := os.ReadFile(filepath.Join(i.unpack(t), "etc/ssl/certs/ca-certificates.crt"))
	require.NoError(t, err)
	pool := x509.NewCertPool()
	assert.True(t, pool.AppendCertsFromPEM(authorities))
	assert.Greater(t, strings.Count(string(authorities), "BEGIN CERTIFICATE"), 100)
}

func jsonNumber(n int64) string {
	text, _ := json.Marshal(n)
	return string(text)
}

func TestImageConfigMatchesDockerfile(t *testing.T) {
	t.Parallel()
	i := openImage(t)
	config := i.config.Config
	assert.Equal(t, "65532:65532", config.User)
	assert.Equal(t, "2026-01-01T00:00:00Z", i.config.Created)
	assert.Equal(t, version, config.Labels["org.opencontainers.image.version"])
	assert.Equal(t, "0123456789abcdef", config.Labels["org.opencontainers.image.revision"])

	// The Dockerfile, for machines with a container engine, has the same values.
	dockerfile := read(t, "Dockerfile")
	_, final, found := strings.Cut(dockerfile, "FROM scratch\n")
	require.True(t, found)
	line := func(word string) string {
		m := regexp.MustCompile(`(?m)^` + word + ` (.*)$`).FindStringSubmatch(final)
		require.NotNil(t, m, word)
		return m[1]
	}
	list := func(text string) []string { return decode[[]string](t, []byte(text)) }
	assert.Equal(t, config.User, line("USER"))
	assert.Equal(t, config.Entrypoint, list(line("ENTRYPOINT")))
	assert.Equal(t, config.Cmd, list(line("CMD")))
	assert.Contains(t, config.ExposedPorts, line("EXPOSE")+"/tcp")
	options, test, _ := strings.Cut(line("HEALTHCHECK"), " CMD ")
	assert.Equal(t, config.Healthcheck.Test, append([]string{"CMD"}, list(test)...))
	assert.Equal(t, "--interval=10s --timeout=4s --start-period=5s", options)
	assert.Equal(t, []int64{10e9, 4e9, 5e9}, []int64{config.Healthcheck.Interval, config.Healthcheck.Timeout, config.Healthcheck.StartPeriod})
	for _, label := range []string{"title", "description", "licenses"} {
		name := "org.opencontainers.image." + label
		assert.Contains(t, final, name+`="`+config.Labels[name]+`"`)
	}
}

func TestImageHasBillOfMaterials(t *testing.T) {
	t.Parallel()
	i := openImage(t)
	require.Len(t, i.attestations, 1)
	require.Len(t, i.attestations[0].Layers, 1)
	layer := i.attestations[0].Layers[0]
	assert.Equal(t, "https://spdx.dev/Document", layer.Annotations["in-toto.io/predicate-type"])
	statement := decode[struct {
		Subject   []struct{ Digest map[string]string }
		Predicate spdx
	}](t, i.blob(t, layer))
	assert.Equal(t, i.descriptor.Digest, "sha256:"+statement.Subject[0].Digest["sha256"])
	statement.Predicate.requireMatchesModules(t, "golang.org/x/crypto/x509roots/fallback")
}

// spdx is a bill of materials in the SPDX format.
type spdx struct {
	SPDXVersion string
	Packages    []struct {
		SPDXID, Name, VersionInfo string
		ExternalRefs              []struct{ ReferenceLocator string }
	}
	Relationships []struct{ SPDXElementID, RelationshipType, RelatedSPDXElement string }
}

// requireMatchesModules compares the bill with the modules of the service and with
// additional ones.
func (s spdx) requireMatchesModules(t testing.TB, additional ...string) {
	t.Helper()
	assert.Equal(t, "SPDX-2.3", s.SPDXVersion)
	ids := map[string]string{}
	for _, p := range s.Packages {
		assert.NotContains(t, ids, p.SPDXID)
		ids[p.SPDXID] = p.Name
		assert.NotEmpty(t, p.VersionInfo, p.Name)
		assert.Equal(t, "pkg:golang/"+p.Name+"@"+p.VersionInfo, p.ExternalRefs[0].ReferenceLocator)
	}
	for _, r := range s.Relationships {
		assert.Contains(t, ids, r.RelatedSPDXElement)
	}
	listed, err := run(t, os.Environ(), "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "autowebinar/cmd/autowebinar")
	require.NoError(t, err, listed)
	want := map[string]bool{"std": true}
	for _, name := range append(strings.Fields(listed), additional...) {
		want[name] = true
	}
	got := map[string]bool{}
	for _, name := range ids {
		got[name] = true
	}
	assert.Equal(t, want, got)
}

func TestImageHasLegacyManifest(t *testing.T) {
	t.Parallel()
	i := openImage(t)
	list := decode[[]struct {
		Config           string
		RepoTags, Layers []string
	}](t, i.ociArchive["manifest.json"].content)
	require.Len(t, list, 1)
	assert.Equal(t, []string{"autowebinar:" + version}, list[0].RepoTags)
	assert.Equal(t, "blobs/"+strings.Replace(i.manifest.Config.Digest, ":", "/", 1), list[0].Config)
	for n, layer := range i.manifest.Layers {
		assert.Equal(t, "blobs/"+strings.Replace(layer.Digest, ":", "/", 1), list[0].Layers[n])
	}
}
