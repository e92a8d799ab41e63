package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// unprivileged is the user and group of the process. It owns no files.
const unprivileged = "65532:65532"

// platformImage is the image of one platform.
type platformImage struct {
	v1.Image
	platform platform
	sbom     []byte
}

// image writes the OCI archive and a bill of materials for each platform.
func (p pack) image(ctx context.Context, platforms []platform) error {
	var images []platformImage
	for _, platform := range platforms {
		image, err := p.imageOf(ctx, platform)
		if err != nil {
			return err
		}
		images = append(images, image)
		name := fmt.Sprintf("autowebinar-%s-image-%s-%s.spdx.json", safe(p.version), platform.system, platform.arch)
		if err := os.WriteFile(filepath.Join(p.out, name), image.sbom, 0o644); err != nil {
			return err
		}
	}
	archive, err := p.ociArchive(images)
	if err != nil {
		return err
	}
	path := filepath.Join(p.out, "autowebinar-"+safe(p.version)+".oci.tar")
	fmt.Printf("%s  %.1f MB for %d platforms\n", filepath.Base(path), float64(len(archive))/1e6, len(images))
	return os.WriteFile(path, archive, 0o644)
}

// files returns the files of the image in two layers: one with certificates and
// licenses, which rarely change, and one with the binary.
func (p pack) files(ctx context.Context, b binary) (base, app tree, err error) {
	licenses, err := p.licenses(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	base = tree{
		// Certificates that are mounted into this folder are trusted as well.
		"etc/ssl/certs/ca-certificates.crt": {roots(), false},
		"licenses/THIRD-PARTY-LICENSES":     {licenses, false},
	}
	if err := base.add(p.source, "LICENSE", "licenses", shipped); err != nil {
		return nil, nil, err
	}
	return base, tree{"autowebinar": {b.content, true}}, nil
}

// rootfs writes the files of an image into a folder, for the Dockerfile.
func (p pack) rootfs(ctx context.Context, target platform) error {
	b, err := p.build(ctx, target)
	if err != nil {
		return err
	}
	base, app, err := p.files(ctx, b)
	if err != nil {
		return err
	}
	if err := base.write(p.out); err != nil {
		return err
	}
	return app.write(p.out)
}

func (p pack) imageOf(ctx context.Context, target platform) (platformImage, error) {
	b, err := p.build(ctx, target)
	if err != nil {
		return platformImage{}, err
	}
	return p.wrap(ctx, b)
}

// wrap returns the image that contains a binary.
func (p pack) wrap(ctx context.Context, b binary) (platformImage, error) {
	base, app, err := p.files(ctx, b)
	if err != nil {
		return platformImage{}, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, p.config(b.platform))
	if err != nil {
		return platformImage{}, err
	}
	for _, layer := range []struct {
		tree
		of string
	}{{base, "certificate authorities, licenses"}, {app, "autowebinar " + p.version}} {
		content, err := layer.tar(p.modTime)
		if err != nil {
			return platformImage{}, err
		}
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
			tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestCompression))
		if err != nil {
			return platformImage{}, err
		}
		if image, err = mutate.Append(image, mutate.Addendum{Layer: l, MediaType: types.OCILayer,
			History: v1.History{Created: v1.Time{Time: p.modTime}, CreatedBy: "make image", Comment: layer.of}}); err != nil {
			return platformImage{}, err
		}
	}
	sbom, err := p.sbom(b, true)
	return platformImage{image, b.platform, sbom}, err
}

// config returns the configuration of the image, such as its entry point. The
// Dockerfile has the same values.
func (p pack) config(target platform) *v1.ConfigFile {
	labels := map[string]string{
		"org.opencontainers.image.title":       "autowebinar",
		"org.opencontainers.image.description": "Auto-webinars for WordPress: sessions in user meta, events as signed webhooks",
		"org.opencontainers.image.licenses":    "MIT",
		"org.opencontainers.image.version":     p.version,
		"org.opencontainers.image.created":     p.modTime.Format(time.RFC3339),
	}
	if p.revision != "" {
		labels["org.opencontainers.image.revision"] = p.revision
	}
	return &v1.ConfigFile{
		Architecture: target.arch, OS: target.system, Created: v1.Time{Time: p.modTime},
		Config: v1.Config{
			User:         unprivileged,
			Entrypoint:   []string{"/autowebinar"},
			Cmd:          []string{"serve"},
			ExposedPorts: map[string]struct{}{"8080/tcp": {}},
			Labels:       labels,
			Healthcheck: &v1.HealthConfig{
				Test:     []string{"CMD", "/autowebinar", "health"},
				Interval: 10 * time.Second, Timeout: 4 * time.Second, StartPeriod: 5 * time.Second,
			},
		},
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
	}
}

// ociArchive returns an archive with one index of the images and their bills of
// materials, and with the manifest.json that older container engines need.
func (p pack) ociArchive(images []platformImage) ([]byte, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	var legacy []legacyImage
	for i, image := range images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image.Image, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: image.platform.system, Architecture: image.platform.arch}}})
		tag := safe(p.version)
		if i > 0 {
			tag += "-" + image.platform.arch
		}
		entry, err := newLegacyImage(image, "autowebinar:"+tag)
		if err != nil {
			return nil, err
		}
		legacy = append(legacy, entry)
	}
	for _, image := range images {
		added, err := attestation(image)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, added)
	}
	dir, err := os.MkdirTemp("", "autowebinar-oci")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return nil, err
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": safe(p.version),
		"io.containerd.image.name":          "docker.io/library/autowebinar:" + safe(p.version),
	})); err != nil {
		return nil, err
	}
	list, err := json.Marshal(legacy)
	if err != nil {
		return nil, err
	}
	all := tree{"manifest.json": {list, false}}
	if err := all.add(dir, ".", "", func(string) bool { return true }); err != nil {
		return nil, err
	}
	for name, f := range all {
		all[name] = file{f.content, false}
	}
	return all.tar(p.modTime)
}
