package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// roots returns the public certificate authorities of Mozilla's list as the Go
// project publishes it. Its version is fixed by go.mod.
func roots() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
	}
	return out.Bytes()
}

// licenses returns the licenses of everything that is linked into a binary.
func (p pack) licenses(ctx context.Context, b binary) ([]byte, error) {
	var out bytes.Buffer
	goroot, err := p.goOutput(ctx, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	if err := quote(&out, "The Go standard library and runtime", goroot); err != nil {
		return nil, err
	}
	for _, module := range b.info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		dir, err := p.goOutput(ctx, "list", "-m", "-f", "{{.Dir}}", module.Path)
		if err != nil {
			return nil, err
		}
		if err := quote(&out, module.Path+" "+module.Version, dir); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// goOutput returns the output of a go command.
func (p pack) goOutput(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = p.source
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// quote writes the contents of the license and notice files in a folder.
func quote(out *bytes.Buffer, title, dir string) error {
	fmt.Fprintf(out, "==== %s\n\n", title)
	found := false
	for _, pattern := range []string{"LICENSE*", "LICENCE*", "COPYING*", "NOTICE*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s\n\n", bytes.TrimSpace(text))
			found = true
		}
	}
	if !found {
		// The license of a nested module may be in the root of its repository.
		fmt.Fprint(out, "No license file in the module; see its repository.\n\n")
	}
	return nil
}
