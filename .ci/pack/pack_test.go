package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newPack returns a run on a nearly empty repository.
func newPack(t *testing.T) pack {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"LICENSE": "terms", "go.mod": "module x\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pack{source: dir, version: "v1+dirty", modTime: time.Unix(1767225600, 0).UTC()}
}

func images(t *testing.T, p pack, archs ...string) (all []platformImage) {
	t.Helper()
	for _, arch := range archs {
		b := binary{platform{"linux", arch}, []byte("binary for " + arch), &debug.BuildInfo{GoVersion: "go1.26.8"}}
		all = append(all, must(p.wrap(t.Context(), b)))
	}
	return all
}

func TestArchiveOfSeveralPlatforms(t *testing.T) {
	p := newPack(t)
	archive := must(p.ociArchive(images(t, p, "amd64", "arm64")))
	if again := must(p.ociArchive(images(t, p, "amd64", "arm64"))); !bytes.Equal(archive, again) {
		t.Error("the second archive differs")
	}

	dir := t.TempDir()
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		to := filepath.Join(dir, must(header, err).Name)
		if header.Typeflag == tar.TypeDir {
			must(0, os.MkdirAll(to, 0o755))
			continue
		}
		must(0, os.WriteFile(to, must(io.ReadAll(r)), 0o600))
	}
	top := must(layout.ImageIndexFromPath(dir))
	if err := validate.Index(top, validate.Fast); err != nil {
		t.Error(err)
	}
	index := must(top.ImageIndex(must(top.IndexManifest()).Manifests[0].Digest))
	var found []string
	for _, d := range must(index.IndexManifest()).Manifests {
		found = append(found, d.Platform.String())
		if d.Platform.OS == "unknown" {
			continue
		}
		image := must(index.Image(d.Digest))
		if err := validate.Image(image); err != nil {
			t.Error(d.Platform, err)
		}
		if config := must(image.ConfigFile()); config.Architecture != d.Platform.Architecture || config.Config.User != unprivileged {
			t.Error(config)
		}
	}
	if got := strings.Join(found, " "); got != "linux/amd64 linux/arm64 unknown/unknown unknown/unknown" {
		t.Error(got)
	}

	var list []legacyImage
	must(0, json.Unmarshal(must(os.ReadFile(filepath.Join(dir, "manifest.json"))), &list))
	if len(list) != 2 || list[0].RepoTags[0] != "autowebinar:v1-dirty" || list[1].RepoTags[0] != "autowebinar:v1-dirty-arm64" {
		t.Error(list)
	}
	for _, entry := range list {
		for _, blob := range append(entry.Layers, entry.Config) {
			must(os.Stat(filepath.Join(dir, blob)))
		}
	}
}

func TestEpoch(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "0": 0, "1767225600": 1767225600, "-1": -1, "today": -1} {
		modTime, err := epoch(text)
		if want < 0 && err == nil || want >= 0 && (err != nil || modTime.Unix() != want) {
			t.Error(text, modTime, err)
		}
	}
}

func TestParsePlatforms(t *testing.T) {
	if got := must(parsePlatforms("linux/arm64,darwin/amd64", nil)); len(got) != 2 || got[1] != (platform{"darwin", "amd64"}) {
		t.Error(got)
	}
	for _, wrong := range []string{"linux", "/amd64", "linux/", "linux/amd64,"} {
		if _, err := parsePlatforms(wrong, nil); err == nil {
			t.Error(wrong)
		}
	}
}
