package site

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
	"autowebinar/internal/wordpress"
)

// TestConfigMatchesPHP checks that the service and PHP read the same values from a
// wp-config.php, the environment and files of secrets.
func TestConfigMatchesPHP(t *testing.T) {
	t.Parallel()
	secret := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	for name, env := range map[string][]string{
		"the file's own defaults": nil,
		"variables": {
			"WORDPRESS_DB_HOST=db:3307", "WORDPRESS_DB_USER=wp", "WORDPRESS_DB_PASSWORD= p'\"\\$x ", "WORDPRESS_DB_NAME=blog",
			"WORDPRESS_TABLE_PREFIX=a_", "WORDPRESS_LOGGED_IN_KEY=li", "WORDPRESS_NONCE_SALT=не соль",
		},
		"empty variables count as set": {"WORDPRESS_DB_PASSWORD=", "WORDPRESS_AUTH_KEY="},
		"files of secrets": {
			"WORDPRESS_DB_PASSWORD_FILE=" + secret("password", " from file \r\n\n"),
			"WORDPRESS_AUTH_SALT_FILE=" + secret("salt", "one\ntwo"),
		},
		"a file before its variable":   {"WORDPRESS_DB_USER=variable", "WORDPRESS_DB_USER_FILE=" + secret("user", "file\n")},
		"an empty name is no file":     {"WORDPRESS_DB_USER=variable", "WORDPRESS_DB_USER_FILE="},
		"a file before the default":    {"WORDPRESS_TABLE_PREFIX_FILE=" + secret("prefix", "site_")},
		"variables of WordPress alone": {"WORDPRESS_DEBUG=1", "WORDPRESS_DB_CHARSET=utf8mb4", "WORDPRESS_DB_COLLATE="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := filepath.Abs("../wordpress/testdata/docker.php")
			require.NoError(t, err)
			php := phpConstants(t, file, env)
			c, err := config.Load(append([]string{"AUTOWEBINAR_WP_CONFIG=" + file, "AUTOWEBINAR_WEBHOOK_URL=off"}, env...), os.ReadFile)
			require.NoError(t, err)

			assert.Equal(t, php["DB_USER"], c.DSN.User)
			assert.Equal(t, php["DB_PASSWORD"], c.DSN.Passwd)
			assert.Equal(t, php["DB_NAME"], c.DSN.DBName)
			network, address, err := wordpress.ParseDBHost(php["DB_HOST"])
			require.NoError(t, err)
			assert.Equal(t, []string{network, address}, []string{c.DSN.Net, c.DSN.Addr})
			assert.Equal(t, php["table_prefix"]+"usermeta", c.UsermetaTable)
			for _, salt := range wordpress.SaltNames() {
				assert.Equal(t, php[salt], c.Salts[salt], salt)
			}
		})
	}
}

// TestVariablesOverrideWPConfig checks that AUTOWEBINAR_ and WORDPRESS_
// variables take precedence over wp-config.php, and wp-config.php over the
// defaults.
func TestVariablesOverrideWPConfig(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "wp-config.php")
	require.NoError(t, os.WriteFile(file, []byte(`<?php
		define('DB_NAME', 'blog'); define('DB_USER', 'wp'); define('DB_PASSWORD', 'p'); define('DB_HOST', '127.0.0.1:3307');
		define('CUSTOM_USER_TABLE', 'people'); define('CUSTOM_USER_META_TABLE', 'people_meta'); define('COOKIEHASH', 'abc');
		$table_prefix = 'x_';`), 0o600))
	load := func(env ...string) config.Config {
		c, err := config.Load(append([]string{"AUTOWEBINAR_WP_CONFIG=" + file, "AUTOWEBINAR_WEBHOOK_URL=off"}, env...), os.ReadFile)
		require.NoError(t, err)
		return c
	}
	c := load()
	assert.Equal(t, []string{"people", "people_meta", "wordpress_logged_in_abc", "wp"}, []string{c.UsersTable, c.UsermetaTable, c.CookieName, c.DSN.User})
	c = load("WORDPRESS_TABLE_PREFIX=y_", "WORDPRESS_DB_USER=autowebinar", "AUTOWEBINAR_USERS_TABLE=others", "AUTOWEBINAR_COOKIE_NAME=mine")
	assert.Equal(t, []string{"others", "people_meta", "mine", "autowebinar"}, []string{c.UsersTable, c.UsermetaTable, c.CookieName, c.DSN.User})
	c = load("AUTOWEBINAR_DB_DSN=a:b@tcp(db:1)/c", "WORDPRESS_DB_USER=autowebinar")
	assert.Equal(t, "a:b@tcp(db:1)/c", c.DSN.FormatDSN())
	assert.Equal(t, "people", c.UsersTable)
}

// phpConstants runs a wp-config.php in PHP, without WordPress.
func phpConstants(t testing.TB, file string, env []string) (values map[string]string) {
	t.Helper()
	w := requireTools(t)
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "wp-settings.php"), nil, 0o600))
	program := `define('ABSPATH', $argv[1] . '/'); require $argv[2];
		echo json_encode(array('table_prefix' => $table_prefix) + array_map('strval', get_defined_constants(true)['user']));`
	cmd := exec.Command(w.php, append(append([]string{}, w.phpOptions...), "-r", program, root, file)...)
	cmd.Env = append([]string{"LD_LIBRARY_PATH=" + w.dir + "/libraries"}, env...)
	out, err := cmd.Output()
	require.NoError(t, err, string(out))
	require.NoError(t, json.Unmarshal(out, &values), string(out))
	return values
}
