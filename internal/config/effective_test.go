package config_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
)

func (e env) effective(files files) ([]config.Setting, error) {
	var environ []string
	for name, value := range e {
		environ = append(environ, name+"="+value)
	}
	return config.Effective(environ, files.read)
}

// formatSettings returns one line for each setting.
func formatSettings(settings []config.Setting) []byte {
	var b bytes.Buffer
	for _, s := range settings {
		fmt.Fprintf(&b, "%s = %q, %s", s.Variable, s.Value, s.Origin)
		if s.Detail != "" {
			fmt.Fprintf(&b, " (%s)", s.Detail)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func TestEffectiveSettings(t *testing.T) {
	t.Parallel()
	settings, err := withoutDatabase().with(
		"AUTOWEBINAR_WP_CONFIG", wpConfigPath,
		"WORDPRESS_DB_HOST", "db:3307",
		"WORDPRESS_DB_PASSWORD_FILE", "/run/secrets/password",
		"AUTOWEBINAR_SERVICE_KEYS", "first-service-key,second-service-key",
		"AUTOWEBINAR_WEBHOOK_URL", "https://engine.example/hook/token",
		"AUTOWEBINAR_WEBINARS_FILE", "/etc/webinars",
		"AUTOWEBINAR_HEARTBEAT_SEC", "15",
	).effective(files{wpConfigPath: imageConfig, "/run/secrets/password": "from file\n", "/etc/webinars": "intro=3600\n"})
	require.NoError(t, err)
	assertGolden(t, "effective.golden", formatSettings(settings))
}

func TestDSNReplacesTheDatabaseVariables(t *testing.T) {
	t.Parallel()
	settings, err := minimal().with("AUTOWEBINAR_DB_DSN", "aw:hunter2@tcp(db:3306)/blog?tls=skip-verify").effective(nil)
	require.NoError(t, err)
	byName := map[string]config.Setting{}
	for _, s := range settings {
		byName[s.Variable] = s
	}
	assert.Equal(t, "aw@tcp(db:3306)/blog", byName["AUTOWEBINAR_DB_DSN"].Value)
	assert.Equal(t, "unused: AUTOWEBINAR_DB_DSN is set", byName["WORDPRESS_DB_HOST"].Detail)
	assert.Equal(t, config.FromEnvironment, byName["WORDPRESS_DB_HOST"].Origin)
}

func TestEffectiveSettingsWithProblems(t *testing.T) {
	t.Parallel()
	settings, err := minimal().without("WORDPRESS_DB_HOST").with(
		"AUTOWEBINAR_HEARTBEAT_SEC", "often", "AUTOWEBINAR_LISTEN_FILE", "/etc/shadow", "AUTOWEBINAR_LOG_LEVEL_FILE", "/missing",
	).effective(files{"/etc/shadow": "root:x"})
	require.ErrorIs(t, err, config.ErrMissing)
	require.ErrorIs(t, err, config.ErrInvalid)
	require.ErrorIs(t, err, config.ErrFile)
	text := string(formatSettings(settings))
	assert.Contains(t, text, `WORDPRESS_DB_HOST = "", not set`)
	assert.Contains(t, text, `AUTOWEBINAR_HEARTBEAT_SEC = "often", environment`)
	assert.Contains(t, text, `AUTOWEBINAR_LISTEN = "[redacted]", file (AUTOWEBINAR_LISTEN_FILE)`, "a wrong path may name any file")
	assert.Contains(t, text, `AUTOWEBINAR_LOG_LEVEL = "", file (AUTOWEBINAR_LOG_LEVEL_FILE)`)
	assert.NotContains(t, text, "root:x")
}

func TestEffectiveSettingsShowNoSecret(t *testing.T) {
	t.Parallel()
	reference := &bytes.Buffer{}
	require.NoError(t, config.Reference(reference))
	for _, e := range []env{minimal(), withoutDatabase().with("AUTOWEBINAR_WP_CONFIG", wpConfigPath), minimal().with("AUTOWEBINAR_LOG_LEVEL", "none")} {
		e = e.with(
			"WORDPRESS_DB_PASSWORD", "hunter2-password",
			"AUTOWEBINAR_SERVICE_KEYS", "hunter2-service-key",
			"AUTOWEBINAR_JWT_SECRET", "hunter2-jwt-secret-of-32-bytes-or-more",
			"AUTOWEBINAR_WEBHOOK_URL", "https://engine.example/hunter2?token=hunter2",
			"WORDPRESS_AUTH_KEY", "hunter2-auth", "WORDPRESS_NONCE_SALT_FILE", "/salt",
		)
		settings, _ := e.effective(files{wpConfigPath: imageConfig, "/salt": "hunter2-salt"})
		text := string(formatSettings(settings))
		for _, secret := range []string{"hunter2", testWebhookSecret, "3e1b0c", `it's`} {
			assert.NotContains(t, text, secret)
		}
		assert.Len(t, settings, bytes.Count(reference.Bytes(), []byte("\n"))-2, "all settings are included")
	}
}
