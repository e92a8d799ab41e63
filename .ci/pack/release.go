package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// release writes an archive and a bill of materials for each platform, and
// SHA256SUMS.
func (p pack) release(ctx context.Context, platforms []platform) error {
	var sums []string
	write := func(name string, content []byte) error {
		sums = append(sums, fmt.Sprintf("%x  %s\n", sha256.Sum256(content), name))
		fmt.Printf("%s  %.1f MB\n", name, float64(len(content))/1e6)
		return os.WriteFile(filepath.Join(p.out, name), content, 0o644)
	}
	for _, platform := range platforms {
		b, err := p.build(ctx, platform)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("autowebinar-%s-%s-%s", safe(p.version), platform.system, platform.arch)
		archive, err := p.archive(ctx, b, name)
		if err != nil {
			return err
		}
		if err := write(name+".tar.gz", archive); err != nil {
			return err
		}
		sbom, err := p.sbom(b, false)
		if err != nil {
			return err
		}
		if err := write(name+".spdx.json", sbom); err != nil {
			return err
		}
	}
	slices.SortFunc(sums, func(a, b string) int { return strings.Compare(a[sha256.Size*2:], b[sha256.Size*2:]) })
	return os.WriteFile(filepath.Join(p.out, "SHA256SUMS"), []byte(strings.Join(sums, "")), 0o644)
}

// archive returns an archive of one folder with the binary and with the documents
// and files that an operator needs.
func (p pack) archive(ctx context.Context, b binary, folder string) ([]byte, error) {
	licenses, err := p.licenses(ctx, b)
	if err != nil {
		return nil, err
	}
	t := tree{
		path.Join(folder, "autowebinar"):          {b.content, true},
		path.Join(folder, "THIRD-PARTY-LICENSES"): {licenses, false},
	}
	names := []string{"LICENSE", "deploy", "api/openapi.yaml", "api/events", "api/player/README.md", "api/wordpress"}
	for _, pattern := range []string{"*.md", "docs"} {
		found, err := filepath.Glob(filepath.Join(p.source, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			names = append(names, filepath.Base(path))
		}
	}
	for _, name := range names {
		if err := t.add(p.source, name, folder, shipped); err != nil {
			return nil, err
		}
	}
	archive, err := t.tar(p.modTime)
	if err != nil {
		return nil, err
	}
	if archive, err = compress(archive); err != nil {
		return nil, err
	}
	return archive, nil
}

// shipped excludes sources, test data, hidden files and local settings.
func shipped(name string) bool {
	base := path.Base(name)
	return !strings.HasSuffix(base, ".go") && !strings.Contains(name, "/testdata/") &&
		!strings.HasPrefix(base, ".") && !strings.HasSuffix(base, ".env")
}
