package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	engineFolder = "internal/demo/embedded"
	engineModule = "module autowebinar/internal/demo/embedded"
)

// errNoSources means that no checkout was found to build from.
var errNoSources = errors.New("demo: building needs a checkout of the sources and the go command")

// buildService builds the service and returns the path of its binary.
func buildService(ctx context.Context, progress func(string)) (string, error) {
	root, err := findCheckout(startFolders())
	if err != nil {
		return "", err
	}
	progress("Building the service ...")
	return build(ctx, root, ".", "./cmd/autowebinar")
}

// build compiles a command of the module in a folder of the checkout. The settings
// are those of make demo, so that all builds share the compiled standard library.
// The binary is kept, so that the next start only checks whether it is current.
func build(ctx context.Context, root, module, command string) (string, error) {
	source := filepath.Join(root, filepath.FromSlash(module))
	target := filepath.Join(root, "bin", "demo", filepath.Base(filepath.Join(source, command)))
	cmd := exec.CommandContext(ctx, cmp.Or(os.Getenv("GO"), "go"), "build", "-C", source, "-buildvcs=false", "-ldflags=-s -w", "-o", target, command)
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	text, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errNoSources
	}
	if err != nil {
		return "", fmt.Errorf("demo: build %s: %w: %s", target, errors.Join(ctx.Err(), err), text)
	}
	return target, nil
}

// startFolders returns the folders from which the search for the checkout goes
// upwards.
func startFolders() []string {
	var folders []string
	if working, err := os.Getwd(); err == nil {
		folders = append(folders, working)
	}
	if program, err := os.Executable(); err == nil {
		folders = append(folders, filepath.Dir(program))
	}
	return folders
}

// findCheckout returns the innermost checkout that contains one of the folders.
func findCheckout(folders []string) (root string, err error) {
	for _, folder := range folders {
		for {
			text, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(engineFolder), "go.mod"))
			if err == nil && strings.HasPrefix(string(text), engineModule+"\n") {
				return folder, nil
			}
			parent := filepath.Dir(folder)
			if parent == folder {
				break
			}
			folder = parent
		}
	}
	return "", errNoSources
}
