package config_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
)

func TestInvalidValues(t *testing.T) {
	t.Parallel()
	const (
		hostPort  = "must be host:port or :port with a port from 0 to 65535"
		path      = "item 1 must be a path such as /wp-json/autowebinar/v1, without a slash at the end and without . or .. segments"
		table     = "must be a plain table name: 1 to 64 letters, digits, _ and $"
		origin    = "item 1 must be an http or https origin, scheme://host or scheme://host:port, without a path"
		proxy     = "item 1 must be an address or a CIDR block, such as 10.0.0.0/8"
		rate      = "must be a rate per second from 0.001 to 1000000 and a burst from 1 to 1000000, such as 50,300, or 0 for no limit"
		key       = "item 1 must be at least 16 characters long: letters, digits and ._~+/=- only"
		cookie    = "must be a cookie name: letters, digits and !#$%&'*+.^_`|~- only"
		nonce     = "must be an even number of seconds from 1m to 8760h, as a duration or in seconds"
		host      = "must contain a host and, if it contains a port, one from 1 to 65535"
		secret    = "item 1 must be whsec_ followed by the base64 of 24 to 64 bytes"
		retry     = "item 1 must be a duration above 0 and at most 168h, such as 30s"
		metaKey   = "must be a meta key of at most 255 characters without control characters"
		id        = "item 1 must be id=seconds with an id that matches ^[a-z0-9][a-z0-9_-]{0,63}$"
		seconds   = "item 1 must be id=seconds with 1 to 604800 seconds"
		playback  = "must be a number from 1 to 16, or 0 to disable the check"
		heartbeat = "must be a whole number from 1 to 300"
		dsn       = "must be a DSN like user:password@tcp(host:3306)/name?param=value or user:password@unix(/path.sock)/name"
	)
	for _, tt := range []struct{ variable, value, text string }{
		{"AUTOWEBINAR_LISTEN", "8080", hostPort + `, not "8080"`},
		{"AUTOWEBINAR_LISTEN", ":65536", hostPort + `, not ":65536"`},
		{"AUTOWEBINAR_LISTEN", ":http", hostPort + `, not ":http"`},
		{"AUTOWEBINAR_LISTEN", "::1:80", hostPort + `, not "::1:80"`},
		{"AUTOWEBINAR_LISTEN", "http://x:80", hostPort + `, not "http://x:80"`},
		{"AUTOWEBINAR_ADMIN_LISTEN", "a b:1", hostPort + `, not "a b:1"`},
		{"AUTOWEBINAR_ADMIN_LISTEN", ":8080", "must differ from AUTOWEBINAR_LISTEN"},

		{"AUTOWEBINAR_BASE_PATH", "api", path + `, not "api"`},
		{"AUTOWEBINAR_BASE_PATH", "/", path + `, not "/"`},
		{"AUTOWEBINAR_BASE_PATH", "/api/", path + `, not "/api/"`},
		{"AUTOWEBINAR_BASE_PATH", "/a/../b", path + `, not "/a/../b"`},
		{"AUTOWEBINAR_BASE_PATH", "/a//b", path + `, not "/a//b"`},
		{"AUTOWEBINAR_BASE_PATH", "/{id}", path + `, not "/{id}"`},
		{"AUTOWEBINAR_BASE_PATH", "/a?b", path + `, not "/a?b"`},
		{"AUTOWEBINAR_BASE_PATH", "/a,", `item 2 is empty, not "/a,"`},
		{"AUTOWEBINAR_BASE_PATH", "/a, /a", `item 2 repeats an earlier one, not "/a, /a"`},

		{"WORDPRESS_DB_HOST", "db:99999", `must be host, host:port, [IPv6]:port or localhost:/path.sock, not "db:99999"`},
		{"WORDPRESS_DB_USER", "", "must not be empty"},
		{"WORDPRESS_DB_NAME", "", "must not be empty"},
		{"WORDPRESS_TABLE_PREFIX", "wp-", `must consist of letters, digits and _, not "wp-"`},
		{"AUTOWEBINAR_DB_DSN", "nonsense", dsn},
		{"AUTOWEBINAR_DB_DSN", "u:p@tcp(h)/wp?tls=nonsense", dsn},
		{"AUTOWEBINAR_DB_DSN", "u:pa/ss@tcp(h)", dsn},
		{"AUTOWEBINAR_DB_DSN", "u:p@pipe(h)/wp", dsn},
		{"AUTOWEBINAR_DB_DSN", "u:p@tcp(h)/", "must contain a database name"},
		{"AUTOWEBINAR_DB_DSN", "tcp(h)/wp", "must contain a user"},
		{"AUTOWEBINAR_USERS_TABLE", "wp users", table + `, not "wp users"`},
		{"AUTOWEBINAR_USERS_TABLE", "other.users", table + `, not "other.users"`},
		{"AUTOWEBINAR_USERS_TABLE", "wp_usermeta", "must differ from AUTOWEBINAR_USERMETA_TABLE"},
		{"AUTOWEBINAR_USERMETA_TABLE", "wp`meta", table + ", not \"wp`meta\""},

		{"AUTOWEBINAR_CORS_ORIGINS", "*", origin + `, not "*"`},
		{"AUTOWEBINAR_CORS_ORIGINS", "null", origin + `, not "null"`},
		{"AUTOWEBINAR_CORS_ORIGINS", "app.example", origin + `, not "app.example"`},
		{"AUTOWEBINAR_CORS_ORIGINS", "https://*.example", origin + `, not "https://*.example"`},
		{"AUTOWEBINAR_CORS_ORIGINS", "https://a/", origin + `, not "https://a/"`},
		{"AUTOWEBINAR_CORS_ORIGINS", "https://u@a", origin + `, not "https://u@a"`},
		{"AUTOWEBINAR_CORS_ORIGINS", "https://a:0", origin + `, not "https://a:0"`},
		{"AUTOWEBINAR_CORS_ORIGINS", "ftp://a", origin + `, not "ftp://a"`},
		{"AUTOWEBINAR_CORS_ORIGINS", "https://a,https://A:443", `item 2 repeats an earlier one, not "https://a,https://A:443"`},

		{"AUTOWEBINAR_TRUSTED_PROXIES", "proxy", proxy + `, not "proxy"`},
		{"AUTOWEBINAR_TRUSTED_PROXIES", "10.0.0.0/33", proxy + `, not "10.0.0.0/33"`},
		{"AUTOWEBINAR_TRUSTED_PROXIES", "fe80::1%eth0", proxy + `, not "fe80::1%eth0"`},
		{"AUTOWEBINAR_TRUSTED_PROXIES", "10.0.0.0/8,10.9.9.9/8", `item 2 repeats an earlier one, not "10.0.0.0/8,10.9.9.9/8"`},

		{"AUTOWEBINAR_RATE_VIEWER", "50", rate + `, not "50"`},
		{"AUTOWEBINAR_RATE_VIEWER", "NaN,1", rate + `, not "NaN,1"`},
		{"AUTOWEBINAR_RATE_VIEWER", "0,5", rate + `, not "0,5"`},
		{"AUTOWEBINAR_RATE_LOGIN", "5,0", rate + `, not "5,0"`},
		{"AUTOWEBINAR_RATE_LOGIN", "5,1,1", rate + `, not "5,1,1"`},
		{"AUTOWEBINAR_LOG_LEVEL", "loud", `must be debug, info, warn or error, not "loud"`},
		{"AUTOWEBINAR_LOG_FORMAT", "xml", `must be one of json, text, not "xml"`},

		{"AUTOWEBINAR_SERVICE_KEYS", "fifteen-letters", key},
		{"AUTOWEBINAR_SERVICE_KEYS", "sixteen letters!", key},
		{"AUTOWEBINAR_SERVICE_KEYS", "0123456789abcdef,0123456789abcdef", "item 2 repeats an earlier one"},
		{"AUTOWEBINAR_JWT_SECRET", "thirty-one bytes are too few...", "must be at least 32 bytes long"},
		{"AUTOWEBINAR_COOKIE_NAME", "a;b", cookie + `, not "a;b"`},
		{"AUTOWEBINAR_NONCE_LIFE", "a day", nonce + `, not "a day"`},
		{"AUTOWEBINAR_NONCE_LIFE", "61", nonce + `, not "61"`},
		{"AUTOWEBINAR_NONCE_LIFE", "30s", nonce + `, not "30s"`},
		{"AUTOWEBINAR_NONCE_LIFE", "-24h", nonce + `, not "-24h"`},

		{"AUTOWEBINAR_WEBHOOK_URL", "engine.example", "must be an http or https URL, or off"},
		{"AUTOWEBINAR_WEBHOOK_URL", "ftp://engine.example", "must be an http or https URL, or off"},
		{"AUTOWEBINAR_WEBHOOK_URL", "https://\x7f", "must be an http or https URL, or off"},
		{"AUTOWEBINAR_WEBHOOK_URL", "OFF", "must be an http or https URL, or off"},
		{"AUTOWEBINAR_WEBHOOK_URL", "https://u:p@engine.example", "must not contain a user name or password; receivers verify the signature instead"},
		{"AUTOWEBINAR_WEBHOOK_URL", "https:///hook", host},
		{"AUTOWEBINAR_WEBHOOK_URL", "http:hook", host},
		{"AUTOWEBINAR_WEBHOOK_URL", "http://a:/", host},
		{"AUTOWEBINAR_WEBHOOK_URL", "http://a:65536/", host},
		{"AUTOWEBINAR_WEBHOOK_URL", "https://a/#part", "must not contain a fragment, which would not be sent"},
		{"AUTOWEBINAR_WEBHOOK_SECRET", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", secret},
		{"AUTOWEBINAR_WEBHOOK_SECRET", "whsec_AAAA", secret},
		{"AUTOWEBINAR_WEBHOOK_SECRET", "whsec_!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", secret},
		{"AUTOWEBINAR_WEBHOOK_SECRET", testWebhookSecret + "," + testWebhookSecret, "item 2 repeats an earlier one"},
		{"AUTOWEBINAR_WEBHOOK_RETRY", "5", retry + `, not "5"`},
		{"AUTOWEBINAR_WEBHOOK_RETRY", "0s", retry + `, not "0s"`},
		{"AUTOWEBINAR_WEBHOOK_RETRY", "169h", retry + `, not "169h"`},
		{"AUTOWEBINAR_DISPATCH", "yes", `must be one of auto, on, off, not "yes"`},
		{"AUTOWEBINAR_LEAD_META_KEY", "a\nb", metaKey + `, not "a\nb"`},
		{"AUTOWEBINAR_LEAD_META_KEY", "\xff", metaKey + `, not "\xff"`},
		{"AUTOWEBINAR_LEAD_META_KEY", "Autowebinar_lead", `must not be an autowebinar_ key, which belongs to this service, not "Autowebinar_lead"`},

		{"AUTOWEBINAR_LEAD_META_KEY", "crm_lead_id ", `must not begin or end with white space, not "crm_lead_id "`},

		{"AUTOWEBINAR_WEBINARS", "Intro=60", id + `, not "Intro=60"`},
		{"AUTOWEBINAR_WEBINARS", "=60", id + `, not "=60"`},
		{"AUTOWEBINAR_WEBINARS", "intro", seconds + `, not "intro"`},
		{"AUTOWEBINAR_WEBINARS", "intro=0", seconds + `, not "intro=0"`},
		{"AUTOWEBINAR_WEBINARS", "intro=604801", seconds + `, not "intro=604801"`},
		{"AUTOWEBINAR_WEBINARS", "intro=1h", seconds + `, not "intro=1h"`},
		{"AUTOWEBINAR_WEBINARS", "a=1,a=2", `item 2 repeats an earlier one, not "a=1,a=2"`},
		{"AUTOWEBINAR_MAX_PLAYBACK_RATE", "0.5", playback + `, not "0.5"`},
		{"AUTOWEBINAR_MAX_PLAYBACK_RATE", "17", playback + `, not "17"`},
		{"AUTOWEBINAR_MAX_PLAYBACK_RATE", "NaN", playback + `, not "NaN"`},
		{"AUTOWEBINAR_HEARTBEAT_SEC", "0", heartbeat + `, not "0"`},
		{"AUTOWEBINAR_HEARTBEAT_SEC", "301", heartbeat + `, not "301"`},
		{"AUTOWEBINAR_HEARTBEAT_SEC", "+5", heartbeat + `, not "+5"`},
	} {
		t.Run(tt.variable+"="+tt.value, func(t *testing.T) {
			t.Parallel()
			c, err := minimal().with(tt.variable, tt.value).load(nil)

			var problems config.Problems
			require.ErrorAs(t, err, &problems)
			require.Len(t, problems, 1)
			assert.Equal(t, config.Problem{Variable: tt.variable, Text: tt.text, Kind: config.ErrInvalid}, problems[0])
			assert.Zero(t, c)
		})
	}
}

// A comment after a value is rejected, unless it may be part of a secret.
func TestTrailingComments(t *testing.T) {
	t.Parallel()
	const text = "must not end with a comment; put comments on separate lines"
	for variable, tt := range map[string]struct{ value, shown string }{
		"AUTOWEBINAR_LEAD_META_KEY":   {"crm_lead_id   # meta key of the CRM", `, not "crm_lead_id   # meta key of the CRM"`},
		"AUTOWEBINAR_COOKIE_NAME":     {"# LOGGED_IN_COOKIE", `, not "# LOGGED_IN_COOKIE"`},
		"AUTOWEBINAR_WEBINARS":        {"intro=3600\t# seconds", `, not "intro=3600\t# seconds"`},
		"AUTOWEBINAR_TRUSTED_PROXIES": {"172.16.0.0/12 #nginx", `, not "172.16.0.0/12 #nginx"`},
		"AUTOWEBINAR_LISTEN":          {" # the default", `, not " # the default"`},
		"WORDPRESS_DB_HOST":           {"db # the container", `, not "db # the container"`},
		"WORDPRESS_DB_USER":           {"autowebinar # two grants", `, not "autowebinar # two grants"`},
		"WORDPRESS_DB_NAME":           {"blog # the site's", `, not "blog # the site's"`},
		"WORDPRESS_TABLE_PREFIX":      {"wp_ # the default", `, not "wp_ # the default"`},
		"AUTOWEBINAR_USERMETA_TABLE":  {"wp_usermeta # shared", `, not "wp_usermeta # shared"`},
		"AUTOWEBINAR_SERVICE_KEYS":    {"0123456789abcdef # ours", ""},
		"AUTOWEBINAR_WEBHOOK_URL":     {"off # for now", ""},
		"AUTOWEBINAR_WEBHOOK_SECRET":  {testWebhookSecret + " # the same as there", ""},
	} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			_, err := minimal().with(variable, tt.value).load(nil)
			require.EqualError(t, err, variable+": "+text+tt.shown)
			require.ErrorIs(t, err, config.ErrInvalid)
		})
	}
	t.Run("secrets may contain #", func(t *testing.T) {
		t.Parallel()
		const secret = `a #b "c" $d`
		c, err := minimal().with(
			"WORDPRESS_DB_PASSWORD", secret, "WORDPRESS_NONCE_SALT", secret,
			"AUTOWEBINAR_JWT_SECRET", secret+" and thirty-two bytes of it",
		).load(nil)
		require.NoError(t, err)
		assert.Equal(t, secret, c.DSN.Passwd)
		assert.Equal(t, secret, c.Salts["NONCE_SALT"])
		assert.Equal(t, secret+" and thirty-two bytes of it", string(c.JWTSecret))

		c, err = minimal().with("AUTOWEBINAR_DB_DSN", "u:a #b@tcp(h)/wp").load(nil)
		require.NoError(t, err)
		assert.Equal(t, "a #b", c.DSN.Passwd)
	})
}

func TestLoadReturnsAllProblemsSortedByVariable(t *testing.T) {
	t.Parallel()
	_, err := env{
		"AUTOWEBINAR_LISTEN":          "nowhere",
		"AUTOWEBINAR_LISTNE":          ":8080",
		"AUTOWEBINAR_JWT_SECRET_FILE": "/run/secrets/jwt",
	}.load(nil)

	require.EqualError(t, err, `AUTOWEBINAR_JWT_SECRET_FILE: the file cannot be read: file does not exist
AUTOWEBINAR_LISTEN: must be host:port or :port with a port from 0 to 65535, not "nowhere"
AUTOWEBINAR_LISTNE: is not a setting; did you mean AUTOWEBINAR_LISTEN?
AUTOWEBINAR_WEBHOOK_SECRET: is required: events are signed with it, unless AUTOWEBINAR_WEBHOOK_URL is off
AUTOWEBINAR_WEBHOOK_URL: is required: set the URL that events are sent to, or off
WORDPRESS_DB_HOST: is required: set it or AUTOWEBINAR_DB_DSN, or define it in the file that AUTOWEBINAR_WP_CONFIG names
WORDPRESS_DB_NAME: is required: set it or AUTOWEBINAR_DB_DSN, or define it in the file that AUTOWEBINAR_WP_CONFIG names
WORDPRESS_DB_PASSWORD: is required: set it or AUTOWEBINAR_DB_DSN, or define it in the file that AUTOWEBINAR_WP_CONFIG names
WORDPRESS_DB_USER: is required: set it or AUTOWEBINAR_DB_DSN, or define it in the file that AUTOWEBINAR_WP_CONFIG names`)

	for _, kind := range []error{config.ErrFile, config.ErrInvalid, config.ErrMissing, config.ErrUnknown} {
		assert.ErrorIs(t, err, kind)
	}
	var first config.Problem
	require.True(t, errors.As(err, &first))
	assert.Equal(t, "AUTOWEBINAR_JWT_SECRET_FILE", first.Variable)
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value, text string }{
		{"AUTOWEBINAR_WEBHOK_URL", "x", "is not a setting; did you mean AUTOWEBINAR_WEBHOOK_URL?"},
		{"AUTOWEBINAR_WEBHOOK_SECRETS", "x", "is not a setting; did you mean AUTOWEBINAR_WEBHOOK_SECRET?"},
		{"AUTOWEBINAR_SERVICE_KEY_FILE", "x", "is not a setting; did you mean AUTOWEBINAR_SERVICE_KEYS_FILE?"},
		{"AutoWebinar_Listen", "x", "is not a setting; did you mean AUTOWEBINAR_LISTEN?"},
		{"AUTOWEBINAR_EMPTY_TYPO", "", "is not a setting"},
		{"AUTOWEBINAR_PORT", "8080", "is not a setting"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := minimal().with(tt.name, tt.value).load(nil)
			require.EqualError(t, err, tt.name+": "+tt.text)
			require.ErrorIs(t, err, config.ErrUnknown)
		})
	}
}

func TestKubernetesServiceLinksAreNotUnknownNames(t *testing.T) {
	t.Parallel()
	_, err := minimal().with(
		"AUTOWEBINAR_SERVICE_HOST", "10.0.0.11",
		"AUTOWEBINAR_SERVICE_PORT", "80",
		"AUTOWEBINAR_SERVICE_PORT_HTTP", "80",
		"AUTOWEBINAR_PORT", "tcp://10.0.0.11:80",
		"AUTOWEBINAR_PORT_80_TCP", "tcp://10.0.0.11:80",
		"AUTOWEBINAR_PORT_80_TCP_PROTO", "tcp",
		"AUTOWEBINAR_PORT_80_TCP_PORT", "80",
		"AUTOWEBINAR_PORT_80_TCP_ADDR", "10.0.0.11",
		"AUTOWEBINAR_ADMIN_SERVICE_HOST", "10.0.0.12",
		"AUTOWEBINAR_ADMIN_PORT", "tcp://10.0.0.12:9090",
	).load(nil)
	require.NoError(t, err)
}
