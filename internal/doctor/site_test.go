package doctor

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReceiverTLSWarnsBeforeExpiry(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	res, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	res.Body.Close()
	until := server.Certificate().NotAfter
	assert.Equal(t, OK, receiverTLS(res.Request.URL, res, until.Add(-30*24*time.Hour)).State)
	assert.Equal(t, Warn, receiverTLS(res.Request.URL, res, until.Add(-time.Hour)).State)
	res.TLS = nil
	assert.Equal(t, OK, receiverTLS(res.Request.URL, res, time.Now()).State, "local receiver")
	res.Request.URL.Host = "engine.example"
	assert.Equal(t, Warn, receiverTLS(res.Request.URL, res, time.Now()).State)
	res.Request.URL.Host = "engine:8080"
	assert.Equal(t, OK, receiverTLS(res.Request.URL, res, time.Now()).State, "container name")
}

func TestObjectCache(t *testing.T) {
	t.Parallel()
	const start = "<?php\ndefine('DB_NAME', 'x');\n"
	for name, test := range map[string]struct {
		config string // empty for no wp-config.php
		dropIn bool
		state  State
		detail string
	}{
		"no wp-config.php":      {"", false, Unknown, "not readable from here"},
		"none":                  {start, false, OK, "none found"},
		"redis":                 {start + "define('WP_REDIS_HOST', 'redis');", false, Warn, "WP_REDIS_HOST"},
		"redis, computed":       {start + "define('WP_REDIS_HOST', getenv('X') . '.local');", false, Warn, "WP_REDIS_HOST"},
		"redis, group excluded": {start + "define('WP_REDIS_HOST', 'redis');\ndefine('WP_REDIS_IGNORED_GROUPS', ['user_meta']);", false, OK, "check that it contains user_meta"},
		"drop-in":               {start, true, Warn, "object-cache.php exists"},
		"commented out":         {start + "// define('WP_REDIS_HOST', 'redis');\n# define('WP_CACHE_KEY_SALT', 'x');", false, OK, "none found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			var env []string
			if test.config != "" {
				path := filepath.Join(folder, "wp-config.php")
				require.NoError(t, os.WriteFile(path, []byte(test.config), 0o600))
				env = append(env, "AUTOWEBINAR_WP_CONFIG="+path)
			}
			if test.dropIn {
				require.NoError(t, os.Mkdir(filepath.Join(folder, "wp-content"), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(folder, "wp-content", "object-cache.php"), nil, 0o600))
			}
			f := checkObjectCache(env)
			assert.Equal(t, test.state, f.State, "%+v", f)
			assert.Contains(t, f.Detail, test.detail)
			assert.Equal(t, f.State == OK, f.Advice == "")
		})
	}
}
