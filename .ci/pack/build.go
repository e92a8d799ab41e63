package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
)

// platform is a GOOS and a GOARCH.
type platform struct{ system, arch string }

func (p platform) String() string { return p.system + "/" + p.arch }

// binary is the executable of the service for a platform.
type binary struct {
	platform platform
	content  []byte
	info     *debug.BuildInfo
}

func (b binary) sha256() string {
	sum := sha256.Sum256(b.content)
	return hex.EncodeToString(sum[:])
}

// build builds a static binary that does not depend on the folder or the machine.
func (p pack) build(ctx context.Context, target platform) (binary, error) {
	dir, err := os.MkdirTemp("", "autowebinar-pack")
	if err != nil {
		return binary{}, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "autowebinar")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X autowebinar/internal/cli.buildVersion="+p.version, "-o", path, "./cmd/autowebinar")
	cmd.Dir = p.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+target.system, "GOARCH="+target.arch,
		// Override the settings of the machine.
		"GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFIPS140=off", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return binary{}, fmt.Errorf("go build for %s: %w\n%s", target, err, stderr.String())
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return binary{}, err
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return binary{}, err
	}
	return binary{platform: target, content: content, info: info}, nil
}
