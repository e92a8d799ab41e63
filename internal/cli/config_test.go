package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

func TestConfigPrintsSettingsAndOrigins(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte(testSecret+"\n"), 0o600))
	env := testEnv(&mariadbtest.DB{DSN: "aw:hunter2@tcp(db:3306)/blog"}, "https://engine.example/hunter2")
	env = append(env, "AUTOWEBINAR_WEBHOOK_SECRET_FILE="+secret, "AUTOWEBINAR_WEBINARS=intro=3600", "AUTOWEBINAR_LEAD_META_KEY=\x1b[2Jlead")
	code, out, errs := runCommand(t, env, "config")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "AUTOWEBINAR_LEAD_META_KEY: must be")
	assert.NotContains(t, out, "\x1b")

	env = withSetting(env, "AUTOWEBINAR_LEAD_META_KEY=crm_lead_id")
	code, out, errs = runCommand(t, env, "config")
	assert.Equal(t, 0, code, errs)
	golden(t, "config.golden", out)
	for _, text := range []string{"hunter2", testSecret} {
		assert.NotContains(t, out+errs, text)
	}

	code, out, _ = runCommand(t, append(env, "AUTOWEBINAR_TYPO=1"), "config", "--json")
	assert.Equal(t, 1, code)
	var output struct {
		Usable   bool
		Problems []string
		Settings []map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(out), &output))
	assert.False(t, output.Usable)
	assert.Equal(t, []string{"AUTOWEBINAR_TYPO: is not a setting"}, output.Problems)
	assert.Greater(t, len(output.Settings), 30)
	assert.NotContains(t, out, "hunter2")
}

func TestConfigurationPageContainsReference(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	_, reference, _ := runCommand(t, nil, "config", "--reference")
	assert.Contains(t, string(page), strings.TrimSpace(reference))
}
