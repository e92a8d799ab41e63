package config_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
)

const canary = "Canary4Canary4Canary4Canary4Canary4"

// envWithSecrets sets every secret to a value that is easy to find.
func envWithSecrets() env {
	e := minimal().with(
		"WORDPRESS_DB_PASSWORD", canary,
		"AUTOWEBINAR_WEBHOOK_URL", "https://engine.example/hook?token="+canary,
		"AUTOWEBINAR_WEBHOOK_SECRET", "whsec_"+base64.StdEncoding.EncodeToString([]byte(canary)),
		"AUTOWEBINAR_SERVICE_KEYS", canary,
		"AUTOWEBINAR_JWT_SECRET", canary,
	)
	for _, salt := range []string{"AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE"} {
		e.with("WORDPRESS_"+salt+"_KEY", canary+salt, "WORDPRESS_"+salt+"_SALT", salt+canary)
	}
	return e
}

// assertNoSecret searches for the canary in every form that it may be printed in.
func assertNoSecret(t *testing.T, printed string) {
	t.Helper()
	raw := []byte(canary)
	for _, form := range []string{
		canary,
		base64.StdEncoding.EncodeToString(raw)[:40],
		hex.EncodeToString(raw),
		strings.ToUpper(hex.EncodeToString(raw)),
		strings.Trim(fmt.Sprint(raw), "[]"),
		strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", raw), "[]byte{"), "}"),
	} {
		if strings.Contains(printed, form) {
			t.Fatalf("printed a secret: %s", printed)
		}
	}
}

func TestPrintingShowsNoSecret(t *testing.T) {
	t.Parallel()
	fromNames, err := envWithSecrets().load(nil)
	require.NoError(t, err)
	fromDSN, err := envWithSecrets().with("AUTOWEBINAR_DB_DSN", "u:"+canary+"@tcp(db)/wp?attr="+canary).load(nil)
	require.NoError(t, err)

	for name, c := range map[string]config.Config{"WordPress names": fromNames, "DSN": fromDSN} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			type wrapped struct {
				Config  config.Config
				Pointer *config.Config
			}
			for _, value := range []any{c, &c, wrapped{c, &c}, &wrapped{c, &c}, []config.Config{c}, map[string]any{"c": c}} {
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%T", "%10.3v"} {
					assertNoSecret(t, fmt.Sprintf(verb, value))
				}
				assertNoSecret(t, fmt.Sprint(value))
				assertNoSecret(t, jsonOf(t, value))
				assertNoSecret(t, logOutput(value, func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) }))
				assertNoSecret(t, logOutput(value, func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) }))
			}
		})
	}
}

func jsonOf(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

func logOutput(value any, handler func(*bytes.Buffer) slog.Handler) string {
	var out bytes.Buffer
	log := slog.New(handler(&out))
	log.With("config", value).WithGroup("g").Info("with", "config", value)
	log.Info(fmt.Sprint(value))
	return out.String()
}

func TestPrintedFields(t *testing.T) {
	t.Parallel()
	c, err := envWithSecrets().load(nil)
	require.NoError(t, err)

	var printed map[string]any
	require.NoError(t, json.Unmarshal([]byte(jsonOf(t, c)), &printed))
	assert.Equal(t, "wordpress@tcp(db:3306)/blog", printed["database"])
	assert.Equal(t, "https://engine.example/[redacted]", printed["webhook_url"])
	assert.EqualValues(t, 1, printed["webhook_secrets"])
	assert.EqualValues(t, 1, printed["service_keys"])
	assert.Equal(t, "[redacted]", printed["jwt_secret"])
	assert.Len(t, printed["salts"], 8)
	assert.Equal(t, "config: "+c.String(), fmt.Sprintf("config: %#v", c))

	assert.Contains(t, config.Config{}.String(), "webhook_url=off", "the zero Config can be printed")
}

func TestProblemsShowNoSecret(t *testing.T) {
	t.Parallel()
	e := envWithSecrets().with(
		"AUTOWEBINAR_DB_DSN", "u:"+canary+"/x@tcp(db)",
		"AUTOWEBINAR_WEBHOOK_URL", "https://u:"+canary+"@engine.example",
		"AUTOWEBINAR_WEBHOOK_SECRET", "whsec_"+canary+"!",
		"AUTOWEBINAR_SERVICE_KEYS", canary+" "+canary,
		"AUTOWEBINAR_JWT_SECRET", canary[:31],
		"AUTOWEBINAR_JWT_SECRTE", canary,
		"AUTOWEBINAR_COOKIE_NAME_FILE", canary,
		"AUTOWEBINAR_LISTEN_FILE", "/canary",
		"AUTOWEBINAR_WP_CONFIG", "/wp-config.php",
	)
	_, err := e.load(files{
		"/canary":        canary,
		"/wp-config.php": `<?php define('CUSTOM_USER_TABLE', '` + canary + `-'); define('LOGGED_IN_COOKIE', f('` + canary + `'));`,
	})

	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	assert.Len(t, problems, 9, "%v", err)
	assert.NotContains(t, err.Error(), canary[:31])
	assert.NotContains(t, fmt.Sprintf("%#v", err), canary[:31])
}
