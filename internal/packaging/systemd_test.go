package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const maxExposure = 2.0 // of ten, as systemd-analyze reckons

func TestSystemdTakesTheUnit(t *testing.T) {
	t.Parallel()
	tools, err := linters()
	require.NoError(t, err)
	analyze := tools.find(t, "bin/systemd-analyze")
	dir := t.TempDir()
	binary := filepath.Join(dir, "autowebinar")
	require.NoError(t, os.WriteFile(binary, []byte("#!/bin/sh\n"), 0o755))
	text := read(t, "deploy/systemd/autowebinar.service")
	require.Contains(t, text, "ExecStart=/usr/local/bin/autowebinar serve\n")
	unit := filepath.Join(dir, "autowebinar.service")
	require.NoError(t, os.WriteFile(unit, []byte(strings.ReplaceAll(text, "/usr/local/bin/autowebinar", binary)), 0o644))

	said, err := run(t, tools.environment(), analyze, "verify", "--man=no", unit)
	assert.NoError(t, err, said)
	assert.NotContains(t, said, unit, "no warning")
	said, err = run(t, tools.environment(), analyze, "security", "--offline=true", "--no-pager", unit)
	require.NoError(t, err, said)
	m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(said)
	require.NotNil(t, m, said)
	exposure, err := strconv.ParseFloat(m[1], 64)
	require.NoError(t, err)
	assert.LessOrEqual(t, exposure, maxExposure)
}

func TestSystemdGivesTheServiceItsSecretsAsFiles(t *testing.T) {
	t.Parallel()
	unit := read(t, "deploy/systemd/autowebinar.service")
	dir := t.TempDir()
	environ := []string{"WORDPRESS_DB_HOST=localhost:/run/mysqld/mysqld.sock", "WORDPRESS_DB_NAME=wordpress", "WORDPRESS_DB_USER=autowebinar",
		"AUTOWEBINAR_WEBHOOK_URL=https://scenarios.example/hook"}
	for _, m := range regexp.MustCompile(`(?m)^LoadCredential=([\w-]+):(.*)$`).FindAllStringSubmatch(unit, -1) {
		secret := "a password\n"
		if m[1] == "webhook-secret" {
			secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\n"
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, m[1]), []byte(secret), 0o400))
	}
	for _, m := range regexp.MustCompile(`(?m)^Environment=(.*)$`).FindAllStringSubmatch(unit, -1) {
		environ = append(environ, strings.ReplaceAll(m[1], "%d", dir))
	}
	c := loaded(t, environ)
	assert.Len(t, c.WebhookSecrets, 1)
	grace := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindStringSubmatch(unit)
	require.NotNil(t, grace)
	assert.Equal(t, "15", grace[1], "a stop takes up to ten seconds")
}
