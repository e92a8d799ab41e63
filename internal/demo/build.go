package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	engineFolder = "internal/demo/embedded"
	engineModule = "module autowebinar/internal/demo/embedded"
)

// whereabouts are the folders from which a checkout may be found upwards: the
// working folder and that of the program.
func whereabouts() []string {
	var folders []string
	if here, err := os.Getwd(); err == nil {
		folders = append(folders, here)
	}
	if program, err := os.Executable(); err == nil {
		folders = append(folders, filepath.Dir(program))
	}
	return folders
}

// buildEngine returns the path of the built engine. It is kept under a name
// that says what it was built from, so an older checkout finds its own again.
func buildEngine(ctx context.Context, cfg engineConfig) (string, error) {
	source, ok := findEngine(cfg.beside)
	if !ok {
		return "", fmt.Errorf("%w: the embedded engine is built from a checkout of the sources, and this is none; "+
			"install MariaDB, or name a database with --db user:password@tcp(host:3306)/database", ErrNoDatabase)
	}
	key, err := engineKey(source)
	if err != nil {
		return "", fmt.Errorf("demo: sources of the embedded engine: %w", err)
	}
	folder := filepath.Join(cfg.cache, "autowebinar")
	binary := filepath.Join(folder, "embedded-"+key+exe())
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("%w: the go tool, which builds the embedded engine, is not on PATH; "+
			"install MariaDB, or name a database with --db user:password@tcp(host:3306)/database", ErrNoDatabase)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	cfg.say("Building the embedded database engine; that takes a minute or two, once.")
	return binary, goBuild(ctx, tool, source, binary)
}

// goBuild builds beside the target and renames, so that what stands there is
// always whole.
func goBuild(ctx context.Context, tool, source, binary string) error {
	half, err := os.MkdirTemp(filepath.Dir(binary), "building-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer os.RemoveAll(half)
	output := filepath.Join(half, "embedded"+exe())
	cmd := exec.CommandContext(ctx, tool, "build", "-C", source, "-trimpath", "-ldflags=-s -w", "-o", output, ".")
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		log := &tail{}
		_, _ = log.Write(text)
		return fmt.Errorf("demo: build the embedded engine: %w: %s", errors.Join(ctx.Err(), err), log)
	}
	if err := os.Rename(output, binary); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// findEngine looks for the engine's module upwards from each folder.
func findEngine(folders []string) (string, bool) {
	for _, folder := range folders {
		for {
			source := filepath.Join(folder, filepath.FromSlash(engineFolder))
			if text, err := os.ReadFile(filepath.Join(source, "go.mod")); err == nil && strings.HasPrefix(string(text), engineModule+"\n") {
				return source, true
			}
			parent := filepath.Dir(folder)
			if parent == folder {
				break
			}
			folder = parent
		}
	}
	return "", false
}

// engineKey is a hash of everything that decides what the build gives.
func engineKey(source string) (string, error) {
	files, err := filepath.Glob(filepath.Join(source, "*"))
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, path := range files {
		name := filepath.Base(path)
		if strings.HasSuffix(name, "_test.go") || filepath.Ext(name) != ".go" && name != "go.mod" && name != "go.sum" {
			continue
		}
		if err := hashFile(sum, path); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

func hashFile(sum io.Writer, path string) error {
	text, err := os.ReadFile(path)
	if err == nil {
		_, err = fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(path), len(text), text)
	}
	return err
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
