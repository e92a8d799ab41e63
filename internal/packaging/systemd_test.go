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

const maxExposure = 2.0 // of 10, as computed by systemd-analyze

func TestSystemdUnitIsValid(t *testing.T) {
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

	output, err := run(t, tools.environment(), analyze, "verify", "--man=no", unit)
	assert.NoError(t, err, output)
	assert.NotContains(t, output, unit, "warnings")
	output, err = run(t, tools.environment(), analyze, "security", "--offline=true", "--no-pager", unit)
	require.NoError(t, err, output)
	m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(output)
	require.NotNil(t, m, output)
	exposure, err := strconv.ParseFloat(m[1], 64)
	require.NoError(t, err)
	assert.LessOrEqual(t, exposure, maxExposure)
}

// The commands in the unit's comments work. The test runs them below another root
// directory, so it needs no privileges.
func TestSystemdInstallCommands(t *testing.T) {
	t.Parallel()
	dir, root := t.TempDir(), t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "usr/local/bin"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "etc"), 0o755))
	for _, name := range []string{"autowebinar", "autowebinar.env", "db-password", "webhook-secret"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644))
	}
	lines := regexp.MustCompile(`(?m)^# (install .*)$`).FindAllStringSubmatch(read(t, "deploy/systemd/autowebinar.service"), -1)
	require.NotEmpty(t, lines)
	for _, line := range lines {
		command := regexp.MustCompile(` (/(?:etc|usr)/)`).ReplaceAllString(line[1], " "+root+"$1")
		output, err := run(t, os.Environ(), "sh", "-euc", `cd "$1" && `+command, "sh", dir)
		require.NoError(t, err, "%s: %s", line[1], output)
	}
	for name, mode := range map[string]os.FileMode{
		"etc/autowebinar": os.ModeDir | 0o700, "etc/autowebinar/db-password": 0o600, "etc/autowebinar/webhook-secret": 0o600,
		"etc/autowebinar/autowebinar.env": 0o600, "usr/local/bin/autowebinar": 0o755,
	} {
		info, err := os.Stat(filepath.Join(root, name))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode(), name)
	}
}

// The documented systemd-run command has the settings and secrets of the unit.
func TestSystemdRunMatchesUnit(t *testing.T) {
	t.Parallel()
	readme := regexp.MustCompile(` \\\n +`).ReplaceAllString(read(t, "deploy/README.md"), " ")
	line := regexp.MustCompile(`(?m)^systemd-run .*$`).FindString(readme)
	name := regexp.MustCompile(` --unit=(\S+) `).FindStringSubmatch(line)
	require.NotNil(t, name, line)
	unit := read(t, "deploy/systemd/autowebinar.service")
	for _, m := range regexp.MustCompile(`(?m)^((?:EnvironmentFile|LoadCredential|DynamicUser)=.*)$`).FindAllString(unit, -1) {
		assert.Contains(t, line, " -p "+m+" ")
	}
	for _, m := range regexp.MustCompile(`(?m)^Environment=(.*)$`).FindAllStringSubmatch(unit, -1) {
		assert.Contains(t, line, " -E "+strings.ReplaceAll(m[1], "%d", "/run/credentials/"+name[1]+".service")+" ")
	}
	for _, m := range regexp.MustCompile(`(?m)^#([A-Z]\w+=.*)$`).FindAllStringSubmatch(unit, -1) {
		assert.Contains(t, readme, "`-p "+m[1]+"`", "an option that is a comment in the unit")
	}
	assert.True(t, strings.HasSuffix(line, " /usr/local/bin/autowebinar check"))
}

func TestSystemdCredentialsConfigureService(t *testing.T) {
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
	c := loadConfig(t, environ)
	assert.Len(t, c.WebhookSecrets, 1)
	grace := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindStringSubmatch(unit)
	require.NotNil(t, grace)
	assert.Equal(t, "15", grace[1], "shutdown takes up to ten seconds")
}
