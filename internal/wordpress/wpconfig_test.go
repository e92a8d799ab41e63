package wordpress

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

func readTestdata(t testing.TB, name string) []byte {
	src, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return src
}

func TestParseConfigOfTheOfficialImage(t *testing.T) {
	t.Parallel()
	file, err := ParseConfig(readTestdata(t, "docker.php"), environment(map[string]string{
		"WORDPRESS_DB_HOST":      "db:3307",
		"WORDPRESS_DB_USER":      "",
		"WORDPRESS_DB_PASSWORD":  "s3cret",
		"WORDPRESS_NONCE_KEY":    "from the environment",
		"WORDPRESS_TABLE_PREFIX": "site_",
	}))
	require.NoError(t, err)
	assert.Empty(t, file.Unreadable, "WP_DEBUG and ABSPATH are ignored")
	assert.Equal(t, "site_", file.TablePrefix)
	assert.Equal(t, map[string]string{
		"DB_NAME": "wordpress", "DB_USER": "", "DB_PASSWORD": "s3cret", "DB_HOST": "db:3307",

		"AUTH_KEY":         strings.Repeat("1", 40),
		"SECURE_AUTH_KEY":  strings.Repeat("2", 40),
		"LOGGED_IN_KEY":    strings.Repeat("3", 40),
		"NONCE_KEY":        "from the environment",
		"AUTH_SALT":        strings.Repeat("5", 40),
		"SECURE_AUTH_SALT": strings.Repeat("6", 40),
		"LOGGED_IN_SALT":   strings.Repeat("7", 40),
		"NONCE_SALT":       strings.Repeat("8", 40),
	}, file.Constants)
	_, err = NewSalts(file.Constants)
	assert.NoError(t, err)
}

func TestParseConfigOfAHandmadeFile(t *testing.T) {
	t.Parallel()
	file, err := ParseConfig(readTestdata(t, "handmade.php"), environment(map[string]string{"LI_KEY": "li"}))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"DB_NAME": "site", "DB_USER": `o'brien\n`, "DB_PASSWORD": `p$w"AAя\ \q$ 5`,
		"DB_HOST":          "localhost:/run/mysqld/mysqld.sock",
		"LOGGED_IN_COOKIE": "my_login", "MYSQL_CLIENT_FLAGS": "2048",
		"CUSTOM_USER_TABLE": "shared_users", "CUSTOM_USER_META_TABLE": "shared_usermeta",
		"LOGGED_IN_KEY": "li",
	}, file.Constants)
	assert.Equal(t, "aw_", file.TablePrefix)

	reasons := map[string]string{}
	for _, u := range file.Unreadable {
		reasons[u.Name] = u.Reason
		assert.Positive(t, u.Line)
	}
	assert.Equal(t, map[string]string{
		"AUTH_KEY": reasonExpression, "AUTH_SALT": reasonInterpolated, "NONCE_KEY": reasonExpression,
		"NONCE_SALT": reasonExpression, "LOGGED_IN_SALT": reasonExpression,
		"SECURE_AUTH_KEY": reasonConditional, "SECURE_AUTH_SALT": reasonConditional,
	}, reasons)
}

// Each case is one definition that yields a value or a reason.
func TestParseConfigValues(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ php, want, reason string }{
		"single quotes":              {`define('DB_NAME', 'a\'b\\c\d\$x"');`, `a'b\c\d\$x"`, ""},
		"double quotes":              {`define("DB_NAME", "\n\r\t\v\e\f\\\$\"'");`, "\n\r\t\v\x1b\f\\$\"'", ""},
		"octal that overflows":       {`define('DB_NAME', "\400\18");`, "\x00\x018", ""},
		"hexadecimal":                {`define('DB_NAME', "\x9\X4a\xg");`, "\tJ\\xg", ""},
		"code points":                {`define('DB_NAME', "\u{1F600}\u{D800}\u0041");`, "😀\xed\xa0\x80\\u0041", ""},
		"code point too large":       {`define('DB_NAME', "\u{110000}");`, "", reasonInterpolated},
		"unterminated code point":    {`define('DB_NAME', "\u{41");`, "", reasonInterpolated},
		"dollars without names":      {`define('DB_NAME', "$ $1 {$ x");`, "$ $1 {$ x", ""},
		"variable":                   {`define('DB_NAME', "a{$b}");`, "", reasonInterpolated},
		"obsolete variable syntax":   {`define('DB_NAME', "a${b}");`, "", reasonInterpolated},
		"escaped, then a variable":   {`define('DB_NAME', "\\$b");`, "", reasonInterpolated},
		"heredoc":                    {"define('DB_NAME', <<<EOT\nx\nEOT);", "", reasonInterpolated},
		"true":                       {"define('DB_NAME', true);", "1", ""},
		"false":                      {"define('DB_NAME', false);", "", ""},
		"null":                       {"define('DB_NAME', NULL);", "", ""},
		"backticks":                  {"define('DB_NAME', `cat /etc/name`);", "", reasonInterpolated},
		"not UTF-8":                  {"define('DB_NAME', '\xff');", "\xff", ""},
		"many lines":                 {"define(\n\t'DB_NAME',\n\t'x'\n);", "x", ""},
		"closing tag ends statement": {"define('DB_NAME', 'x') ?>", "x", ""},
		"an octal number":            {"define('DB_NAME', 0755);", "", reasonExpression},
		"a sum":                      {"define('DB_NAME', 1 + 1);", "", reasonExpression},
		"a constant":                 {"define('DB_NAME', OTHER);", "", reasonExpression},
		"another function":           {"define('DB_NAME', env('DB_NAME'));", "", reasonExpression},
		"getenv, not set":            {"define('DB_NAME', getenv('UNSET'));", "", ""},
		"getenv of a variable":       {"define('DB_NAME', getenv($x));", "", reasonExpression},
		"getenv in an expression":    {"define('DB_NAME', getenv('UNSET') . 'x');", "", reasonExpression},
		"getenv_docker":              {"define('DB_NAME', getenv_docker('UNSET', 'x'));", "x", ""},
		"getenv_docker, computed":    {"define('DB_NAME', getenv_docker('UNSET', X));", "", reasonExpression},
		"const":                      {"const DB_NAME = 'x';", "x", ""},
		"const, computed":            {"const DB_NAME = 'x' . 'y';", "", reasonExpression},
		"in a branch":                {"if (X) define('DB_NAME', 'x');", "", reasonConditional},
		"in a block":                 {"foreach ($a as $b) { f(); define('DB_NAME', 'x'); }", "", reasonConditional},
		"after a block":              {"if (X) { f(); } define('DB_NAME', 'x');", "x", ""},
		"after a branch":             {"if (X) f(); define('DB_NAME', 'x');", "x", ""},
		"in an else":                 {"if (X) { f(); } else define('DB_NAME', 'x');", "", reasonConditional},
		"after alternative syntax":   {"if (X): f(); else: g(); endif; define('DB_NAME', 'x');", "x", ""},
		"guarded":                    {"if (!defined('DB_NAME')) define('DB_NAME', 'x');", "x", ""},
		"guarded, alternative":       {"if (!defined('DB_NAME')): define('DB_NAME', 'x'); endif;", "x", ""},
		"else of a guard":            {"if (!defined('DB_NAME')): f(); else: define('DB_NAME', 'x'); endif;", "", reasonConditional},
		"guarded by another":         {"if (!defined('DB_USER')) { define('DB_NAME', 'x'); }", "", reasonConditional},
		"guard not negated":          {"if (defined('DB_NAME')) define('DB_NAME', 'x');", "", reasonConditional},
		"guarded and conditional":    {"if (X) { if (!defined('DB_NAME')) { define('DB_NAME', 'x'); } }", "", reasonConditional},
		"conditional, then not":      {"if (X) { define('DB_NAME', 'x'); } define('DB_NAME', 'y');", "", reasonConditional},
		"unconditional first":        {"define('DB_NAME', 'y'); if (X) { define('DB_NAME', 'x'); }", "y", ""},
		"a closure as an argument":   {"f(function () { return 1; }); define('DB_NAME', 'x');", "x", ""},
		"in a closure":               {"f(function () { define('DB_NAME', 'x'); });", "", reasonConditional},
		"ternary before":             {"if ($a) $b = f() ? 1 : 2; define('DB_NAME', 'x');", "x", ""},
		"shift operator, no heredoc": {"$a = 1 <<< 2; define('DB_NAME', 'x');", "x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := ParseConfig([]byte("<?php\n"+tt.php), environment(nil))
			require.NoError(t, err)
			if tt.reason != "" {
				require.Len(t, file.Unreadable, 1)
				assert.Equal(t, "DB_NAME", file.Unreadable[0].Name)
				assert.Equal(t, tt.reason, file.Unreadable[0].Reason)
				assert.NotContains(t, file.Constants, "DB_NAME")
				return
			}
			require.Empty(t, file.Unreadable)
			require.Contains(t, file.Constants, "DB_NAME")
			assert.Equal(t, tt.want, file.Constants["DB_NAME"])
		})
	}
}

func TestParseConfigTablePrefix(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ php, want, reason string }{
		"literal":                {"$table_prefix = 'x_';", "x_", ""},
		"none":                   {"f($table_prefix);", "", ""},
		"compared":               {"if ($table_prefix == 'x_') {}", "", ""},
		"computed":               {"$table_prefix = 'x' . $y;", "", reasonExpression},
		"appended to":            {"$table_prefix = 'x'; $table_prefix .= '_';", "", reasonExpression},
		"default":                {"$table_prefix ??= 'x';", "", reasonExpression},
		"under a condition":      {"$table_prefix = 'x'; if (X) $table_prefix = 'y';", "", reasonConditional},
		"computed, then literal": {"$table_prefix = f(); $table_prefix = 'x_';", "x_", ""},
		"literal, no semicolon":  {"$table_prefix = 'x_'", "x_", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := ParseConfig([]byte("<?php\n"+tt.php), environment(nil))
			require.NoError(t, err)
			assert.Equal(t, tt.want, file.TablePrefix)
			if tt.reason == "" {
				assert.Empty(t, file.Unreadable)
				return
			}
			assert.Equal(t, []Unreadable{{Name: tablePrefix, Line: 2, Reason: tt.reason}}, file.Unreadable)
		})
	}
}

func TestParseConfigErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ php, want string }{
		"unterminated string":  {"<?php\n\ndefine('DB_NAME", "line 3: unterminated string"},
		"escape at the end":    {`<?php "\`, "line 1: unterminated string"},
		"unterminated comment": {"<?php /* define(", "line 1: unterminated comment"},
		"unterminated heredoc": {"<?php <<<EOT\nx\n", "line 1: unterminated heredoc"},
		"too long":             {"<?php" + strings.Repeat(" ", maxConfigBytes), "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseConfig([]byte(tt.php), environment(nil))
			require.ErrorIs(t, err, ErrConfigFile)
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

func TestConfigFileCookieName(t *testing.T) {
	t.Parallel()
	name := func(constants map[string]string) string { return ConfigFile{Constants: constants}.CookieName() }
	assert.Empty(t, name(nil))
	assert.Equal(t, "wordpress_logged_in_abc", name(map[string]string{"COOKIEHASH": "abc"}))
	assert.Equal(t, "mine", name(map[string]string{"COOKIEHASH": "abc", "LOGGED_IN_COOKIE": "mine"}))
}

func FuzzParseConfig(f *testing.F) {
	f.Add(readTestdata(f, "docker.php"))
	f.Add(readTestdata(f, "handmade.php"))
	f.Add([]byte("<?php if (x): define('DB_NAME', \"\\u{41}\"); else: } endif; ))({"))
	f.Add([]byte("<?= <<<'A'\nA; define('DB_HOST',"))
	getenv := environment(map[string]string{"NONCE_SALT": "x"})
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := ParseConfig(src, getenv)
		if err != nil {
			require.ErrorIs(t, err, ErrConfigFile)
			return
		}
		for name := range file.Constants {
			require.True(t, isKnownConstant(name))
		}
		lines := strings.Count(string(src), "\n") + 1
		for _, u := range file.Unreadable {
			require.NotContains(t, file.Constants, u.Name, "either a value or a reason")
			require.LessOrEqual(t, u.Line, lines)
		}
	})
}
