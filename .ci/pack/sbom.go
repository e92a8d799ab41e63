package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// The parts of SPDX 2.3 that this program writes.
type (
	spdxDocument struct {
		Version       string             `json:"spdxVersion"`
		DataLicense   string             `json:"dataLicense"`
		ID            string             `json:"SPDXID"`
		Name          string             `json:"name"`
		Namespace     string             `json:"documentNamespace"`
		Creation      spdxCreation       `json:"creationInfo"`
		Packages      []spdxPackage      `json:"packages"`
		Relationships []spdxRelationship `json:"relationships"`
	}
	spdxCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	spdxPackage struct {
		ID            string         `json:"SPDXID"`
		Name          string         `json:"name"`
		Version       string         `json:"versionInfo"`
		Download      string         `json:"downloadLocation"`
		FilesAnalyzed bool           `json:"filesAnalyzed"`
		Concluded     string         `json:"licenseConcluded"`
		Declared      string         `json:"licenseDeclared"`
		Copyright     string         `json:"copyrightText"`
		Checksums     []spdxChecksum `json:"checksums,omitempty"`
		Refs          []spdxRef      `json:"externalRefs,omitempty"`
	}
	spdxChecksum struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"checksumValue"`
	}
	spdxRef struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	spdxRelationship struct {
		Element string `json:"spdxElementId"`
		Type    string `json:"relationshipType"`
		Related string `json:"relatedSpdxElement"`
	}
)

const (
	spdxRoot    = "SPDXRef-DOCUMENT"
	spdxMain    = "SPDXRef-autowebinar"
	spdxNothing = "NOASSERTION"
	rootsModule = "golang.org/x/crypto/x509roots/fallback"
)

// sbom returns the bill of materials of a binary from its own build information,
// optionally with the certificate authorities.
func (p pack) sbom(b binary, withRoots bool) ([]byte, error) {
	name := fmt.Sprintf("autowebinar-%s-%s-%s", safe(p.version), b.platform.system, b.platform.arch)
	doc := spdxDocument{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: spdxRoot, Name: name,
		Namespace: "https://spdx.org/spdxdocs/" + name + "-" + b.sha256(),
		Creation:  spdxCreation{p.modTime.Format(time.RFC3339), []string{"Tool: autowebinar-pack"}},
	}
	relate := func(from, how, to string) {
		doc.Relationships = append(doc.Relationships, spdxRelationship{from, how, to})
	}
	service := goPackage(spdxMain, "autowebinar", p.version)
	service.Declared = "MIT"
	service.Checksums = []spdxChecksum{{"SHA256", b.sha256()}}
	doc.Packages = append(doc.Packages, service)
	relate(spdxRoot, "DESCRIBES", spdxMain)

	add := func(how, module, version string) {
		id := fmt.Sprintf("SPDXRef-%d-%s", len(doc.Packages), strings.NewReplacer("/", "-", "_", "-").Replace(module))
		doc.Packages = append(doc.Packages, goPackage(id, module, version))
		relate(spdxMain, how, id)
	}
	add("DEPENDS_ON", "std", strings.TrimPrefix(b.info.GoVersion, "go"))
	for _, module := range b.info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		add("DEPENDS_ON", module.Path, module.Version)
	}
	if withRoots {
		version, err := ownDependency(rootsModule)
		if err != nil {
			return nil, err
		}
		add("CONTAINS", rootsModule, version)
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	return append(text, '\n'), err
}

func goPackage(id, module, version string) spdxPackage {
	return spdxPackage{
		ID: id, Name: module, Version: version, Download: spdxNothing,
		Concluded: spdxNothing, Declared: spdxNothing, Copyright: spdxNothing,
		Refs: []spdxRef{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + module + "@" + strings.ReplaceAll(version, "+", "%2B")}},
	}
}

// ownDependency returns the version of a dependency of this program.
func ownDependency(path string) (string, error) {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == path {
				return module.Version, nil
			}
		}
	}
	return "", fmt.Errorf("the build information has no version of %s", path)
}
