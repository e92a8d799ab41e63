package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
)

const wpConfigPath = "/var/www/html/wp-config.php"

// imageConfig resembles the wp-config.php of the official image, which contains
// random salts as defaults.
const imageConfig = `<?php
define( 'DB_NAME', getenv_docker('WORDPRESS_DB_NAME', 'wordpress') );
define( 'DB_USER', getenv_docker('WORDPRESS_DB_USER', 'example username') );
define( 'DB_PASSWORD', getenv_docker('WORDPRESS_DB_PASSWORD', 'example password') );
define( 'DB_HOST', getenv_docker('WORDPRESS_DB_HOST', 'mysql') );
define( 'LOGGED_IN_KEY', getenv_docker('WORDPRESS_LOGGED_IN_KEY', '3e1b0c') );
define( 'LOGGED_IN_SALT', 'it\'s "salt"' );
define( 'SECRET_KEY', 'from long ago' );
define( 'CUSTOM_USER_TABLE', 'people' );
define( 'COOKIEHASH', 'abc' );
define( 'MYSQL_CLIENT_FLAGS', 2048 );
$table_prefix = getenv_docker('WORDPRESS_TABLE_PREFIX', 'site_');
`

func TestWPConfigSuppliesValuesMissingInTheEnvironment(t *testing.T) {
	t.Parallel()
	c, err := withoutDatabase().with(
		"AUTOWEBINAR_WP_CONFIG", wpConfigPath,
		"WORDPRESS_DB_HOST", "db:3307",
		"WORDPRESS_DB_PASSWORD_FILE", "/run/secrets/password",
		"AUTOWEBINAR_USERMETA_TABLE", "people_meta",
	).load(files{wpConfigPath: imageConfig, "/run/secrets/password": "from file\n"})
	require.NoError(t, err)

	assert.Equal(t, "example username:from file@tcp(db:3307)/wordpress?tls=skip-verify", c.DSN.FormatDSN())
	assert.Equal(t, "people", c.UsersTable)
	assert.Equal(t, "people_meta", c.UsermetaTable, "the environment has precedence")
	assert.Equal(t, "wordpress_logged_in_abc", c.CookieName)
	assert.Equal(t, map[string]string{
		"LOGGED_IN_KEY": "3e1b0c", "LOGGED_IN_SALT": `it's "salt"`, "SECRET_KEY": "from long ago",
	}, c.Salts)
}

func TestEmptyCookieNameInWPConfigCountsAsUnset(t *testing.T) {
	t.Parallel()
	c, err := minimal().with("AUTOWEBINAR_WP_CONFIG", wpConfigPath).
		load(files{wpConfigPath: `<?php define('LOGGED_IN_COOKIE', getenv('UNSET'));`})
	require.NoError(t, err)
	assert.Empty(t, c.CookieName)
}

func TestEnvironmentOverridesWPConfig(t *testing.T) {
	t.Parallel()
	c, err := minimal().with(
		"AUTOWEBINAR_WP_CONFIG", wpConfigPath,
		"WORDPRESS_LOGGED_IN_SALT", "",
		"AUTOWEBINAR_COOKIE_NAME", "mine",
	).load(files{wpConfigPath: imageConfig})
	require.NoError(t, err)

	assert.Equal(t, "blog", c.DSN.DBName)
	assert.Equal(t, "mine", c.CookieName)
	assert.Empty(t, c.Salts["LOGGED_IN_SALT"], "an empty variable counts as set, as in the official image")
	assert.Equal(t, "site_usermeta", c.UsermetaTable)
}

func TestWPConfigProblems(t *testing.T) {
	t.Parallel()
	const database = `<?php define('DB_HOST','db'); define('DB_USER','u'); define('DB_PASSWORD','p'); define('DB_NAME','n'); `
	for name, tt := range map[string]struct {
		env  env
		php  string
		want string // empty if there is no problem
	}{
		"not PHP": {nil, `<?php define('DB_HOST', 'unterminated`,
			"AUTOWEBINAR_WP_CONFIG: the file is no valid wp-config.php: it is larger than 1 MiB, or a string or comment in it is unterminated"},
		"empty": {env{"WORDPRESS_DB_HOST": "db", "WORDPRESS_DB_USER": "u", "WORDPRESS_DB_PASSWORD": "p"}, `<?php`,
			"WORDPRESS_DB_NAME: is required: set it or AUTOWEBINAR_DB_DSN, or define it in the file that AUTOWEBINAR_WP_CONFIG names"},
		"invalid host": {nil, database[:len("<?php ")] + `define('DB_HOST','secret:99999'); ` + database[len("<?php define('DB_HOST','db'); "):],
			"AUTOWEBINAR_WP_CONFIG: DB_HOST must be host, host:port, [IPv6]:port or localhost:/path.sock"},
		"invalid prefix": {nil, database + `$table_prefix = 'a-b';`,
			"AUTOWEBINAR_WP_CONFIG: $table_prefix must consist of letters, digits and _"},
		"invalid table": {nil, database + `define('CUSTOM_USER_TABLE', 'other.users');`,
			"AUTOWEBINAR_WP_CONFIG: CUSTOM_USER_TABLE must be a plain table name: 1 to 64 letters, digits, _ and $"},
		"empty table": {nil, database + `define('CUSTOM_USER_META_TABLE', getenv('UNSET'));`,
			"AUTOWEBINAR_WP_CONFIG: CUSTOM_USER_META_TABLE must be a plain table name: 1 to 64 letters, digits, _ and $"},
		"an expression": {nil, database + `define('NONCE_KEY', md5('x'));`,
			"AUTOWEBINAR_WP_CONFIG: NONCE_KEY (line 1): is an expression, not a literal; set WORDPRESS_NONCE_KEY instead"},
		"an expression set in the environment": {env{"WORDPRESS_NONCE_KEY": "x"}, database + `define('NONCE_KEY', md5('x'));`, ""},
		"an expression not needed with a DSN":  {env{"AUTOWEBINAR_DB_DSN": "u:p@tcp(h)/n"}, `<?php define('DB_HOST', f());`, ""},
		"an expression that is not needed":     {nil, database + `define('COOKIEHASH', md5('x'));`, ""},
		"flags that may enable TLS":            {nil, database + `define('MYSQL_CLIENT_FLAGS', f());`, "AUTOWEBINAR_WP_CONFIG: MYSQL_CLIENT_FLAGS (line 1): is an expression, not a literal; set AUTOWEBINAR_DB_DSN instead, with tls= as needed"},
		"flags not needed with a DSN":          {env{"AUTOWEBINAR_DB_DSN": "u:p@tcp(h)/n"}, `<?php define('MYSQL_CLIENT_FLAGS', f());`, ""},
		"an unreadable file is reported once":  {env{"WORDPRESS_DB_NAME_FILE": "/gone"}, imageConfig, "WORDPRESS_DB_NAME_FILE: the file cannot be read: file does not exist"},
		"getenv_docker of an unknown name":     {env{"MY_SALT_FILE": "/gone"}, database + `define('NONCE_KEY', getenv_docker('MY_SALT', 'x'));`, "MY_SALT_FILE: the file cannot be read: file does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := withoutDatabase().with("AUTOWEBINAR_WP_CONFIG", wpConfigPath)
			for name, value := range tt.env {
				e[name] = value
			}
			_, err := e.load(files{wpConfigPath: tt.php})
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestMissingWPConfigIsTheOnlyProblem(t *testing.T) {
	t.Parallel()
	_, err := withoutDatabase().with("AUTOWEBINAR_WP_CONFIG", wpConfigPath).load(nil)
	require.EqualError(t, err, "AUTOWEBINAR_WP_CONFIG: the file cannot be read: file does not exist")
	require.ErrorIs(t, err, config.ErrFile)
}
