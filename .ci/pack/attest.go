package main

import (
	"encoding/json"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	inToto        = "application/vnd.in-toto+json"
	spdxPredicate = "https://spdx.dev/Document"
)

// attestation returns an image's bill of materials in BuildKit's format, which
// registries, engines and scanners support.
func attestation(image platformImage) (mutate.IndexAddendum, error) {
	digest, err := image.Digest()
	if err != nil {
		return mutate.IndexAddendum{}, err
	}
	statement, err := json.Marshal(map[string]any{
		"_type":         "https://in-toto.io/Statement/v0.1",
		"predicateType": spdxPredicate,
		"subject":       []any{map[string]any{"name": "autowebinar", "digest": map[string]string{digest.Algorithm: digest.Hex}}},
		"predicate":     json.RawMessage(image.sbom),
	})
	if err != nil {
		return mutate.IndexAddendum{}, err
	}
	attached := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	attached, err = mutate.ConfigFile(attached, &v1.ConfigFile{
		Architecture: "unknown", OS: "unknown", RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}}})
	if err != nil {
		return mutate.IndexAddendum{}, err
	}
	attached, err = mutate.Append(attached, mutate.Addendum{
		Layer: static.NewLayer(statement, inToto), MediaType: inToto,
		Annotations: map[string]string{"in-toto.io/predicate-type": spdxPredicate},
	})
	return mutate.IndexAddendum{Add: attached, Descriptor: v1.Descriptor{
		Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"},
		Annotations: map[string]string{
			"vnd.docker.reference.type":   "attestation-manifest",
			"vnd.docker.reference.digest": digest.String(),
		}}}, err
}

// legacyImage is an entry of manifest.json in the format of `docker save`.
type legacyImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func newLegacyImage(image platformImage, tag string) (legacyImage, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return legacyImage{}, err
	}
	blob := func(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }
	entry := legacyImage{Config: blob(manifest.Config.Digest), RepoTags: []string{tag}}
	for _, layer := range manifest.Layers {
		entry.Layers = append(entry.Layers, blob(layer.Digest))
	}
	return entry, nil
}
