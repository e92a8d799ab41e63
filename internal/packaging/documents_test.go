package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
)

// documents returns the files from which operators copy settings.
func documents(t testing.TB) []string {
	t.Helper()
	names := []string{"README.md", "api/wordpress/README.md", "deploy/autowebinar.env.example"}
	for _, pattern := range []string{"docs/*.md", "deploy/*.md", "deploy/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, name := range found {
			names = append(names, strings.TrimPrefix(name, root+"/"))
		}
	}
	return names
}

// parseEnvFile parses an env file as Docker does: literally, without empty lines
// and comments.
func parseEnvFile(text string) (environ []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(strings.TrimSuffix(line, "\n"), " \t")
		if line != "" && !strings.HasPrefix(line, "#") {
			environ = append(environ, line)
		}
	}
	return environ
}

// fillSecrets replaces the placeholder of a webhook secret by a valid one.
func fillSecrets(text string) string {
	return strings.ReplaceAll(text, "whsec_…", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3")
}

func TestDocumentedEnvFilesLoad(t *testing.T) {
	t.Parallel()
	readWPConfig := func(name string) ([]byte, error) {
		if name != "/var/www/html/wp-config.php" {
			return nil, os.ErrNotExist
		}
		return []byte("<?php define('DB_HOST', 'db'); define('DB_NAME', 'site'); define('DB_USER', 'site'); define('DB_PASSWORD', 'secret');"), nil
	}
	all := wantEnvExample(t)
	configs := map[string]config.Config{}
	for _, name := range documents(t) {
		text := codeBlocks(read(t, name), "dotenv")
		if text == "" {
			continue
		}
		environ := parseEnvFile(fillSecrets(text))
		for _, line := range environ {
			variable, _, _ := strings.Cut(line, "=")
			assert.Contains(t, all, "\n#"+variable+"=", name)
		}
		c, err := config.Load(environ, readWPConfig)
		require.NoError(t, err, name)
		configs[name] = c
	}
	require.Len(t, configs, 2)
	first := configs["README.md"]
	assert.Len(t, first.Salts, 8)
	assert.Len(t, first.Webinars, 2)
	assert.Equal(t, "crm_lead_id", first.LeadMetaKey)
	for name, c := range configs {
		assert.Equal(t, "autowebinar", c.DSN.User, "%s: the account with two grants", name)
		assert.Len(t, c.WebhookSecrets, 1, name)
	}
}

// Settings outside of dotenv blocks would not be tested. Every setting in the
// example file is a valid line after its # is removed.
func TestDocumentedSettingsAreInDotenvBlocks(t *testing.T) {
	t.Parallel()
	setting := regexp.MustCompile(`(?m)^ *(WORDPRESS|AUTOWEBINAR)_\w+=.*$`)
	for _, name := range documents(t) {
		text := read(t, name)
		marked := setting.FindAllString(codeBlocks(text, "dotenv"), -1)
		assert.Len(t, setting.FindAllString(text, -1), len(marked), name)
	}
	for line := range strings.Lines(read(t, "deploy/autowebinar.env.example")) {
		if line = strings.TrimPrefix(line, "#"); setting.MatchString(line) {
			assert.NotContains(t, line, " #")
		}
	}
}
