package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
)

func TestFileOverridesVariableAndItsLineEndsAreTrimmed(t *testing.T) {
	t.Parallel()
	c, err := minimal().with(
		"WORDPRESS_DB_PASSWORD_FILE", "/run/secrets/password",
		"WORDPRESS_DB_USER_FILE", "",
		"AUTOWEBINAR_LISTEN", "ignored",
		"AUTOWEBINAR_LISTEN_FILE", "/etc/listen",
	).load(files{"/run/secrets/password": " from file \r\n\n", "/etc/listen": ":9000\n"})
	require.NoError(t, err)

	assert.Equal(t, " from file ", c.DSN.Passwd, "only line ends are trimmed")
	assert.Equal(t, "wordpress", c.DSN.User, "an empty _FILE variable is ignored")
	assert.Equal(t, ":9000", c.Listen)
}

func TestUnusableFiles(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		variable, path, text string
		kind                 error
	}{
		"missing":                      {"AUTOWEBINAR_WEBHOOK_SECRET_FILE", "/gone", "the file cannot be read: file does not exist", config.ErrFile},
		"a secret instead of a path":   {"AUTOWEBINAR_WEBHOOK_SECRET_FILE", testWebhookSecret, "the file cannot be read: file does not exist", config.ErrFile},
		"empty":                        {"AUTOWEBINAR_JWT_SECRET_FILE", "/empty", "the file is empty", config.ErrFile},
		"password missing":             {"WORDPRESS_DB_PASSWORD_FILE", "/gone", "the file cannot be read: file does not exist", config.ErrFile},
		"DSN missing":                  {"AUTOWEBINAR_DB_DSN_FILE", "/gone", "the file cannot be read: file does not exist", config.ErrFile},
		"wp-config missing":            {"AUTOWEBINAR_WP_CONFIG", "/gone", "the file cannot be read: file does not exist", config.ErrFile},
		"invalid content is not shown": {"AUTOWEBINAR_LISTEN_FILE", "/other", "must be host:port or :port with a port from 0 to 65535", config.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := minimal().with(tt.variable, tt.path).load(files{"/empty": "\n", "/other": "root:x:0:0"})
			require.EqualError(t, err, tt.variable+": "+tt.text)
			require.ErrorIs(t, err, tt.kind)
		})
	}
}

func TestEmptyVariables(t *testing.T) {
	t.Parallel()
	c, err := minimal().with(
		"AUTOWEBINAR_LISTEN", "",
		"AUTOWEBINAR_DB_DSN", "",
		"WORDPRESS_DB_PASSWORD", "",
		"WORDPRESS_TABLE_PREFIX", "",
	).load(nil)
	require.NoError(t, err)
	assert.Equal(t, ":8080", c.Listen)
	assert.Empty(t, c.DSN.Passwd)
	assert.Equal(t, "users", c.UsersTable)
}

func TestFirstOfEqualNamesIsUsed(t *testing.T) {
	t.Parallel()
	environ := []string{"AUTOWEBINAR_LISTEN=:1", "AUTOWEBINAR_LISTEN=:2", "no equals sign"}
	for name, value := range minimal() {
		environ = append(environ, name+"="+value)
	}
	c, err := config.Load(environ, files(nil).read)
	require.NoError(t, err)
	assert.Equal(t, ":1", c.Listen)
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env  env
		want string
	}{
		"host":               {minimal(), "wordpress:pass@tcp(db:3306)/blog"},
		"host and port":      {minimal().with("WORDPRESS_DB_HOST", "db:3307"), "wordpress:pass@tcp(db:3307)/blog"},
		"IPv6":               {minimal().with("WORDPRESS_DB_HOST", "[::1]:3307"), "wordpress:pass@tcp([::1]:3307)/blog"},
		"socket":             {minimal().with("WORDPRESS_DB_HOST", "localhost:/run/my.sock"), "wordpress:pass@unix(/run/my.sock)/blog"},
		"charset ignored":    {minimal().with("WORDPRESS_DB_CHARSET", "latin1"), "wordpress:pass@tcp(db:3306)/blog"},
		"DSN overrides":      {minimal().with("AUTOWEBINAR_DB_DSN", "u:p@tcp(other)/wp"), "u:p@tcp(other:3306)/wp"},
		"DSN alone":          {withoutDatabase().with("AUTOWEBINAR_DB_DSN", "u:p@unix(/my.sock)/wp"), "u:p@unix(/my.sock)/wp"},
		"special characters": {minimal().with("WORDPRESS_DB_PASSWORD", "p@s/s:?#"), "wordpress:p@s/s:?#@tcp(db:3306)/blog"},
		"empty password":     {minimal().with("WORDPRESS_DB_PASSWORD", ""), "wordpress@tcp(db:3306)/blog"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := tt.env.load(nil)
			require.NoError(t, err)
			assert.Equal(t, tt.want, c.DSN.FormatDSN())
		})
	}
}

func withoutDatabase() env {
	return minimal().without("WORDPRESS_DB_HOST", "WORDPRESS_DB_USER", "WORDPRESS_DB_PASSWORD", "WORDPRESS_DB_NAME")
}
