package config_test

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
)

// scalarVariables returns the variables without lists, which have separate fuzz
// targets.
func scalarVariables() []string {
	return []string{
		"WORDPRESS_DB_HOST", "WORDPRESS_DB_NAME", "WORDPRESS_DB_USER", "WORDPRESS_DB_PASSWORD", "WORDPRESS_TABLE_PREFIX",
		"WORDPRESS_NONCE_SALT", "AUTOWEBINAR_DB_DSN", "AUTOWEBINAR_USERS_TABLE", "AUTOWEBINAR_USERMETA_TABLE", "AUTOWEBINAR_LISTEN",
		"AUTOWEBINAR_ADMIN_LISTEN", "AUTOWEBINAR_LOG_LEVEL", "AUTOWEBINAR_LOG_FORMAT", "AUTOWEBINAR_JWT_SECRET", "AUTOWEBINAR_COOKIE_NAME",
		"AUTOWEBINAR_NONCE_LIFE", "AUTOWEBINAR_WEBHOOK_URL", "AUTOWEBINAR_DISPATCH", "AUTOWEBINAR_LEAD_META_KEY",
		"AUTOWEBINAR_MAX_PLAYBACK_RATE", "AUTOWEBINAR_HEARTBEAT_SEC", "AUTOWEBINAR_WP_CONFIG", "AUTOWEBINAR_SERVICE_KEYS_FILE",
	}
}

// FuzzSetting sets one variable, or the file that it names, to any text. Accepted
// values must satisfy what the rest of the service relies on, above all that
// table names contain no SQL. Problems must not contain secrets.
func FuzzSetting(f *testing.F) {
	names := scalarVariables()
	for i := range names {
		f.Add(uint8(i), "value-of-a-setting")
	}
	for name, values := range map[string][]string{
		"WORDPRESS_TABLE_PREFIX":     {"", "wp_", "wp`; DROP TABLE wp_users; --", "wp_\n", "wp.x", "вп_", strings.Repeat("a", 80)},
		"AUTOWEBINAR_USERS_TABLE":    {"users", "a.b", "a`b", "wp_usermeta", strings.Repeat("u", 65)},
		"AUTOWEBINAR_DB_DSN":         {"u:p@tcp(h:1)/wp", "u:p@/wp", "u:se/cr@et@unix(/x)/wp?multiStatements=true", "@tcp(h)/wp", "u@tcp(h)/"},
		"AUTOWEBINAR_LISTEN":         {":0", "127.0.0.1:9090", "[::1]:80", "a b:1", ":65536"},
		"AUTOWEBINAR_NONCE_LIFE":     {"86400", "1m", "-1s", "3s", "1e9h"},
		"AUTOWEBINAR_WEBHOOK_URL":    {"off", "http://[::1]:80/x?y", "file:///etc/passwd", "https://u:password-of-it@h/", "http://h#", "http:h", "http://h:0"},
		"AUTOWEBINAR_LEAD_META_KEY":  {"crm_lead", "AutoWebinar_x", "\xff", "a\x00", "crm_lead # a comment"},
		"AUTOWEBINAR_WP_CONFIG":      {"<?php $table_prefix = 'wp`'; define('DB_NAME', 'x');", "<?php define('CUSTOM_USER_TABLE', 'a;b'); define('AUTH_KEY', \"k\");", "'"},
		"AUTOWEBINAR_JWT_SECRET":     {strings.Repeat("s", 32), strings.Repeat("s", 31)},
		"AUTOWEBINAR_HEARTBEAT_SEC":  {"+1", "301", "1e1", "10"},
		"AUTOWEBINAR_USERMETA_TABLE": {"wp_users", "wp_usermeta", "$"},
	} {
		for i := range names {
			if names[i] == name {
				for _, value := range values {
					f.Add(uint8(i), value)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, index uint8, value string) {
		name := names[int(index)%len(names)]
		if strings.ContainsRune(value, 0) && !isFile(name) {
			return // not possible in an environment
		}
		settings, content := minimal(), files{"/f": value}
		settings[name] = value
		if isFile(name) {
			settings[name] = "/f"
		}
		c, err := settings.load(content)
		if err != nil {
			requireProblemsWithoutSecrets(t, err, name, value)
			return
		}
		requireValidConfig(t, c)
	})
}

func isFile(name string) bool {
	return name == "AUTOWEBINAR_WP_CONFIG" || strings.HasSuffix(name, "_FILE")
}

func requireProblemsWithoutSecrets(t *testing.T, err error, name, value string) {
	t.Helper()
	var problems config.Problems
	require.True(t, errors.As(err, &problems))
	require.NotEmpty(t, problems)
	secret := isFile(name) || strings.HasSuffix(name, "_SALT") || strings.HasSuffix(name, "_PASSWORD") ||
		strings.HasSuffix(name, "_DSN") || strings.HasSuffix(name, "_SECRET") || strings.HasSuffix(name, "_URL")
	// Shorter values may occur in messages by chance.
	if secret && len(value) >= 16 && !strings.Contains(messageTexts, value) {
		assert.NotContains(t, err.Error(), value, name)
	}
}

// messageTexts may occur in messages without being a secret.
const messageTexts = "must be a DSN like user:password@tcp(host:3306)/name?param=value or user:password@unix(/path.sock)/name"

func requireValidConfig(t *testing.T, c config.Config) {
	t.Helper()
	for _, table := range []string{c.UsersTable, c.UsermetaTable} {
		assert.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9_$]+$`), table)
	}
	assert.NotEqual(t, c.UsersTable, c.UsermetaTable)
	assert.Contains(t, []string{"tcp", "unix"}, c.DSN.Net)
	assert.NotEmpty(t, c.DSN.DBName)
	assert.NotEmpty(t, c.DSN.User)
	_, _, err := net.SplitHostPort(c.Listen)
	require.NoError(t, err)
	if c.WebhookURL != nil {
		assert.Contains(t, []string{"http", "https"}, c.WebhookURL.Scheme)
		assert.NotEmpty(t, c.WebhookURL.Hostname())
		assert.Nil(t, c.WebhookURL.User)
	}
	assert.False(t, strings.HasPrefix(strings.ToLower(c.LeadMetaKey), "autowebinar_"))
	assert.NotContains(t, c.LeadMetaKey, " #")
	assert.True(t, c.HeartbeatSec >= 1 && c.HeartbeatSec <= 300)
	assert.True(t, c.MaxPlaybackRate == 0 || c.MaxPlaybackRate >= 1 && c.MaxPlaybackRate <= 16)
	if c.NonceLife != 0 {
		assert.True(t, c.NonceLife >= time.Minute && c.NonceLife%(2*time.Second) == 0)
	}
	printed := fmt.Sprintf("%v %+v %#v", c, c, c)
	for _, secret := range []string{string(c.JWTSecret), c.DSN.Passwd, c.Salts["NONCE_SALT"]} {
		if len(secret) >= 16 {
			assert.NotContains(t, printed, secret)
		}
	}
}
