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

// documents are what an operator copies lines from.
func documents(t testing.TB) []string {
	t.Helper()
	names := []string{"README.md", "api/wordpress/README.md", "deploy/autowebinar.env.example"}
	for _, pattern := range []string{"deploy/*.md", "deploy/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, name := range found {
			names = append(names, strings.TrimPrefix(name, root+"/"))
		}
	}
	return names
}

// parseEnvFile is the environment that Docker makes of an env file: lines as they
// are, but for those that are empty or begin with #.
func parseEnvFile(text string) (environ []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(strings.TrimSuffix(line, "\n"), " \t")
		if line != "" && !strings.HasPrefix(line, "#") {
			environ = append(environ, line)
		}
	}
	return environ
}

// fillSecrets puts a secret of the right shape where a document shows none.
func fillSecrets(text string) string {
	return strings.ReplaceAll(text, "whsec_…", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3")
}

// What the documents show as an env file is one, to the byte.
func TestDocumentedEnvFilesLoad(t *testing.T) {
	t.Parallel()
	wordpress := func(name string) ([]byte, error) {
		if name != "/var/www/html/wp-config.php" {
			return nil, os.ErrNotExist
		}
		return []byte("<?php define('DB_HOST', 'db'); define('DB_NAME', 'site'); define('DB_USER', 'site'); define('DB_PASSWORD', 'secret');"), nil
	}
	all := wantEnvExample(t)
	taken := map[string]config.Config{}
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
		c, err := config.Load(environ, wordpress)
		require.NoError(t, err, name)
		taken[name] = c
	}
	require.Len(t, taken, 2)
	first := taken["README.md"]
	assert.Len(t, first.Salts, 8)
	assert.Len(t, first.Webinars, 2)
	assert.Equal(t, "crm_lead_id", first.LeadMetaKey)
	for name, c := range taken {
		assert.Equal(t, "autowebinar", c.DSN.User, "%s: the account of two grants", name)
		assert.Len(t, c.WebhookSecrets, 1, name)
	}
}

// There is no other place where a line of an env file would go unread, and in
// the example each line is one once its # is away.
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
