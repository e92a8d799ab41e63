package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkout is a folder that looks like a checkout, with a shell script in the
// cache where the built engine would be.
func checkout(t *testing.T, script string) engineConfig {
	t.Helper()
	root, cache := t.TempDir(), t.TempDir()
	source := filepath.Join(root, filepath.FromSlash(engineFolder))
	require.NoError(t, os.MkdirAll(source, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(source, "go.mod"), []byte(engineModule+"\n"), 0o644))
	deep := filepath.Join(root, "cmd", "autowebinar")
	require.NoError(t, os.MkdirAll(deep, 0o755))
	if script != "" {
		key, err := engineKey(source)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Join(cache, "autowebinar"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(cache, "autowebinar", "embedded-"+key), []byte("#!/bin/sh\n"+script), 0o755))
	}
	return engineConfig{beside: []string{deep}, cache: cache, say: func(text string) { t.Error("said", text) }}
}

func TestEngineLivesUntilItIsClosed(t *testing.T) {
	t.Parallel()
	engine, err := runEngine(t.Context(), checkout(t, "echo 'root@tcp(127.0.0.1:1)/wordpress'; cat"))
	require.NoError(t, err)
	assert.Equal(t, "root@tcp(127.0.0.1:1)/wordpress", engine.dsn)
	require.NoError(t, engine.close())
}

func TestEngineThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := runEngine(t.Context(), checkout(t, "echo 'no memory' >&2; exit 1"))
	assert.ErrorContains(t, err, "no memory")

	engine, err := runEngine(t.Context(), checkout(t, "echo dsn; cat; echo 'ended badly' >&2; exit 3"))
	require.NoError(t, err)
	assert.ErrorContains(t, engine.close(), "ended badly")
}

func TestEngineThatSaysNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no patience"))
	_, err := runEngine(ctx, checkout(t, "cat"))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestNoCheckoutAsksForADSN(t *testing.T) {
	t.Parallel()
	_, err := buildEngine(t.Context(), engineConfig{beside: []string{t.TempDir()}, cache: t.TempDir()})
	assert.ErrorIs(t, err, ErrNoDatabase)
	assert.ErrorContains(t, err, "--db user:password@tcp(host:3306)/database")
}

func TestNoGoToolAsksForADSN(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := buildEngine(t.Context(), checkout(t, ""))
	assert.ErrorIs(t, err, ErrNoDatabase)
	assert.ErrorContains(t, err, "--db user:password@tcp(host:3306)/database")
}

func TestBuildThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	cfg := checkout(t, "")
	var said []string
	cfg.say = func(text string) { said = append(said, text) }
	_, err := buildEngine(t.Context(), cfg)
	assert.ErrorContains(t, err, "build the embedded engine")
	assert.Len(t, said, 1, "it may take long: one sentence")
	left, err := filepath.Glob(filepath.Join(cfg.cache, "autowebinar", "*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestEngineKeyFollowsTheSources(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	key := func(name, text string) string {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
		key, err := engineKey(folder)
		require.NoError(t, err)
		return key
	}
	first := key("main.go", "package main")
	assert.Equal(t, first, key("main_test.go", "package main"))
	assert.Equal(t, first, key("README.md", "about"))
	assert.NotEqual(t, first, key("go.sum", "h1:"))
	assert.NotEqual(t, key("main.go", "package main "), first)
}

func TestTheEngineIsFoundFromHere(t *testing.T) {
	t.Parallel()
	source, ok := findEngine(whereabouts())
	require.True(t, ok)
	assert.FileExists(t, filepath.Join(source, "main.go"))
}
