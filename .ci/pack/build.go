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

// platform is what a binary runs on, in Go's words.
type platform struct{ system, arch string }

func (p platform) String() string { return p.system + "/" + p.arch }

// binary is the service, built.
type binary struct {
	on      platform
	content []byte
	info    *debug.BuildInfo
}

func (b binary) sha256() string {
	sum := sha256.Sum256(b.content)
	return hex.EncodeToString(sum[:])
}

// build builds the service: static, and independent of folder and machine.
func (p pack) build(ctx context.Context, on platform) (binary, error) {
	dir, err := os.MkdirTemp("", "autowebinar-pack")
	if err != nil {
		return binary{}, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "autowebinar")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X main.buildVersion="+p.version, "-o", path, "./cmd/autowebinar")
	cmd.Dir = p.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+on.system, "GOARCH="+on.arch,
		// Not what the person who packs has chosen for their own machine.
		"GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFIPS140=off", "GOWORK=off")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Run(); err != nil {
		return binary{}, fmt.Errorf("go build for %s: %w\n%s", on, err, complaint.String())
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return binary{}, err
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return binary{}, err
	}
	return binary{on: on, content: content, info: info}, nil
}
