package config_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
	"autowebinar/internal/webinar"
)

var update = flag.Bool("update", false, "update the golden files")

// testWebhookSecret contains 24 zero bytes, the minimum length.
const testWebhookSecret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// env is a set of variables. Its methods with and without modify it.
type env map[string]string

// minimal returns the required variables.
func minimal() env {
	return env{
		"WORDPRESS_DB_HOST":          "db",
		"WORDPRESS_DB_USER":          "wordpress",
		"WORDPRESS_DB_PASSWORD":      "pass",
		"WORDPRESS_DB_NAME":          "blog",
		"AUTOWEBINAR_WEBHOOK_URL":    "https://engine.example/hook",
		"AUTOWEBINAR_WEBHOOK_SECRET": testWebhookSecret,
	}
}

func (e env) with(pairs ...string) env {
	for i := 0; i < len(pairs); i += 2 {
		e[pairs[i]] = pairs[i+1]
	}
	return e
}

func (e env) without(names ...string) env {
	for _, name := range names {
		delete(e, name)
	}
	return e
}

func (e env) load(files files) (config.Config, error) {
	environ := []string{"PATH=/bin", "HOME=/root"}
	for name, value := range e {
		environ = append(environ, name+"="+value)
	}
	return config.Load(environ, files.read)
}

// files contains file contents by name.
type files map[string]string

func (f files) read(name string) ([]byte, error) {
	content, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(content), nil
}

func assertGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := minimal().load(nil)
	require.NoError(t, err)

	var lines bytes.Buffer
	for _, setting := range c.LogValue().Group() {
		fmt.Fprintf(&lines, "%s: %v\n", setting.Key, setting.Value)
	}
	assertGolden(t, "defaults.golden", lines.Bytes())

	assert.Nil(t, c.WebhookRetry, "the dispatcher uses its default schedule")
	assert.Nil(t, c.Webinars)
	assert.Empty(t, c.JWTSecret)
	assert.Empty(t, c.Salts)
}

func TestReference(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, config.Reference(&out))
	assertGolden(t, "reference.golden.md", out.Bytes())
}

func TestAllSettings(t *testing.T) {
	t.Parallel()
	c, err := minimal().with(
		"WORDPRESS_TABLE_PREFIX", "site_",
		"WORDPRESS_LOGGED_IN_KEY", "  li-key, not trimmed ",
		"WORDPRESS_NONCE_SALT", "",
		"AUTOWEBINAR_USERS_TABLE", "people",
		"AUTOWEBINAR_LISTEN", "[::1]:8081",
		"AUTOWEBINAR_ADMIN_LISTEN", "localhost:0",
		"AUTOWEBINAR_BASE_PATH", "/wp-json/autowebinar/v1, /blog/wp-json/autowebinar/v1",
		"AUTOWEBINAR_CORS_ORIGINS", "https://App.example:443, http://localhost:3000",
		"AUTOWEBINAR_TRUSTED_PROXIES", "10.1.2.3/8,::1,::ffff:192.0.2.7",
		"AUTOWEBINAR_RATE_VIEWER", "0.5, 3",
		"AUTOWEBINAR_RATE_LOGIN", "0",
		"AUTOWEBINAR_LOG_LEVEL", "WARN",
		"AUTOWEBINAR_LOG_FORMAT", "text",
		"AUTOWEBINAR_SERVICE_KEYS", "0123456789abcdef,fedcba9876543210",
		"AUTOWEBINAR_JWT_SECRET", " 32 bytes, spaces and commas too",
		"AUTOWEBINAR_COOKIE_NAME", "wordpress_logged_in_x",
		"AUTOWEBINAR_NONCE_LIFE", "86400",
		"AUTOWEBINAR_WEBHOOK_SECRET", testWebhookSecret+", whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
		"AUTOWEBINAR_WEBHOOK_RETRY", "5s, 1m30s,24h",
		"AUTOWEBINAR_DISPATCH", "off",
		"AUTOWEBINAR_LEAD_META_KEY", "crm lead",
		"AUTOWEBINAR_WEBINARS", "intro=3600, pro = 604800",
		"AUTOWEBINAR_MAX_PLAYBACK_RATE", "1.5",
		"AUTOWEBINAR_HEARTBEAT_SEC", "300",
	).load(nil)
	require.NoError(t, err)

	dsn := c.DSN
	c.DSN = nil
	assert.Equal(t, config.Config{
		Listen:         "[::1]:8081",
		AdminListen:    "localhost:0",
		BasePaths:      []string{"/wp-json/autowebinar/v1", "/blog/wp-json/autowebinar/v1"},
		UsersTable:     "people",
		UsermetaTable:  "site_usermeta",
		Salts:          map[string]string{"LOGGED_IN_KEY": "  li-key, not trimmed ", "NONCE_SALT": ""},
		CookieName:     "wordpress_logged_in_x",
		NonceLife:      24 * time.Hour,
		ServiceKeys:    []string{"0123456789abcdef", "fedcba9876543210"},
		JWTSecret:      []byte(" 32 bytes, spaces and commas too"),
		WebhookURL:     &url.URL{Scheme: "https", Host: "engine.example", Path: "/hook"},
		WebhookSecrets: [][]byte{make([]byte, 24), bytes.Repeat([]byte{1}, 24)},
		WebhookRetry:   []time.Duration{5 * time.Second, 90 * time.Second, 24 * time.Hour},
		Dispatch:       config.DispatchOff,
		LeadMetaKey:    "crm lead",
		Webinars:       map[webinar.ID]int64{"intro": 3600, "pro": 604800},

		MaxPlaybackRate: 1.5,
		HeartbeatSec:    300,
		CORSOrigins:     []string{"https://app.example", "http://localhost:3000"},
		TrustedProxies: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("192.0.2.7/32"),
		},
		RateViewer: config.Rate{PerSecond: 0.5, Burst: 3},
		LogLevel:   slog.LevelWarn,
		LogFormat:  "text",
	}, c)
	assert.Equal(t, "wordpress:pass@tcp(db:3306)/blog", dsn.FormatDSN()[:len("wordpress:pass@tcp(db:3306)/blog")])
}

func TestWebhookOffNeedsNoSecret(t *testing.T) {
	t.Parallel()
	c, err := minimal().with("AUTOWEBINAR_WEBHOOK_URL", "off").without("AUTOWEBINAR_WEBHOOK_SECRET").load(nil)
	require.NoError(t, err)
	assert.Nil(t, c.WebhookURL)
	assert.Empty(t, c.WebhookSecrets)
}
