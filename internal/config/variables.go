package config

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
)

// Names of variables that the code refers to individually.
const (
	autowebinarPrefix = "AUTOWEBINAR_"
	wordpressPrefix   = "WORDPRESS_"
	fileSuffix        = "_FILE"

	dbHost      = "WORDPRESS_DB_HOST"
	dbUser      = "WORDPRESS_DB_USER"
	dbPassword  = "WORDPRESS_DB_PASSWORD"
	dbName      = "WORDPRESS_DB_NAME"
	tablePrefix = "WORDPRESS_TABLE_PREFIX"

	dbDSN         = "AUTOWEBINAR_DB_DSN"
	usersTable    = "AUTOWEBINAR_USERS_TABLE"
	usermetaTable = "AUTOWEBINAR_USERMETA_TABLE"
	wpConfig      = "AUTOWEBINAR_WP_CONFIG"

	listen        = "AUTOWEBINAR_LISTEN"
	adminListen   = "AUTOWEBINAR_ADMIN_LISTEN"
	cookieName    = "AUTOWEBINAR_COOKIE_NAME"
	webhookURL    = "AUTOWEBINAR_WEBHOOK_URL"
	webhookSecret = "AUTOWEBINAR_WEBHOOK_SECRET"
)

// variable is one setting.
type variable struct {
	name        string
	def         string // the default; if empty, the field keeps its zero value
	defaultText string // describes the default in the reference if def is empty
	doc         string // one line
	secret      bool   // messages must not contain the value
	raw         bool   // the value may be any text, even one that looks like a comment

	// set parses the value into the Config. It is nil for variables that
	// database.go and wpconfig.go read together.
	set func(*Config, string) error
}

// parseInto combines a parser with the field for its result. Parsers return
// errors without the value, because only the loader knows whether it is secret.
func parseInto[T any](field func(*Config) *T, parse func(string) (T, error)) func(*Config, string) error {
	return func(c *Config, text string) error {
		v, err := parse(text)
		if err != nil {
			return err
		}
		*field(c) = v
		return nil
	}
}

// variables returns all settings in the order of the reference.
func variables() []variable {
	return slices.Concat(databaseVariables(), saltVariables(), serviceVariables())
}

func databaseVariables() []variable {
	return []variable{
		{name: dbHost, defaultText: "required", doc: "Database address as in WordPress: `host`, `host:port` or `localhost:/path.sock`."},
		{name: dbUser, defaultText: "required", doc: "Database user."},
		{name: dbPassword, defaultText: "required", secret: true, raw: true, doc: "Database password; may be empty."},
		{name: dbName, defaultText: "required", doc: "Database name."},
		{name: tablePrefix, def: "wp_", doc: "Table prefix; on multisite, the base prefix."},
		{name: dbDSN, secret: true, raw: true, doc: "A go-sql-driver/mysql DSN, `user:password@tcp(host:3306)/name`; replaces the four `WORDPRESS_DB_` variables."},
		{name: usersTable, defaultText: "`{prefix}users`", doc: "Name of the users table, if the site sets `CUSTOM_USER_TABLE`.",
			set: parseInto(func(c *Config) *string { return &c.UsersTable }, parseTable)},
		{name: usermetaTable, defaultText: "`{prefix}usermeta`", doc: "Name of the user meta table, if the site sets `CUSTOM_USER_META_TABLE`.",
			set: parseInto(func(c *Config) *string { return &c.UsermetaTable }, parseTable)},
		{name: wpConfig, raw: true, doc: "Path of a wp-config.php. Database settings, salts and the cookie name that the environment does not set are read from it."},
	}
}

func saltVariables() []variable {
	var vs []variable
	for _, name := range wordpress.SaltNames() {
		vs = append(vs, variable{name: wordpressPrefix + name, secret: true, raw: true, doc: "The constant `" + name + "` of WordPress."})
	}
	return vs
}

func serviceVariables() []variable {
	return []variable{
		// Servers.
		{name: listen, def: ":8080", doc: "Listen address of the API, `host:port`.",
			set: parseInto(func(c *Config) *string { return &c.Listen }, parseListen)},
		{name: adminListen, def: "127.0.0.1:9090", doc: "Listen address of the status page, metrics, health, readiness and pprof; keep it private.",
			set: parseInto(func(c *Config) *string { return &c.AdminListen }, parseListen)},
		{name: "AUTOWEBINAR_BASE_PATH", def: "/wp-json/autowebinar/v1", doc: "Path of the API; a comma-separated list.",
			set: parseInto(func(c *Config) *[]string { return &c.BasePaths }, parseBasePaths)},
		{name: "AUTOWEBINAR_CORS_ORIGINS", defaultText: "none: CORS is disabled", doc: "Origins of other sites whose pages may call the API, such as `https://app.example`; a comma-separated list.",
			set: parseInto(func(c *Config) *[]string { return &c.CORSOrigins }, parseOrigins)},
		{name: "AUTOWEBINAR_TRUSTED_PROXIES", defaultText: "none", doc: "Addresses or CIDR blocks of proxies whose forwarding headers are trusted; a comma-separated list.",
			set: parseInto(func(c *Config) *[]netip.Prefix { return &c.TrustedProxies }, parseProxies)},
		{name: "AUTOWEBINAR_RATE_VIEWER", def: "50,300", doc: "Limit of one viewer's requests: rate per second and burst; `0` disables it.",
			set: parseInto(func(c *Config) *Rate { return &c.RateViewer }, parseRate)},
		{name: "AUTOWEBINAR_RATE_LOGIN", def: "10,20", doc: "Limit of failed logins (forged ones per client address, wrong nonces per viewer): rate per second and burst; `0` disables it.",
			set: parseInto(func(c *Config) *Rate { return &c.RateLogin }, parseRate)},
		{name: "AUTOWEBINAR_LOG_LEVEL", def: "info", doc: "`debug`, `info`, `warn` or `error`.",
			set: parseInto(func(c *Config) *slog.Level { return &c.LogLevel }, parseLevel)},
		{name: "AUTOWEBINAR_LOG_FORMAT", def: "json", doc: "`json` or `text`.",
			set: parseInto(func(c *Config) *string { return &c.LogFormat }, oneOf("json", "text"))},

		// Authentication.
		{name: "AUTOWEBINAR_SERVICE_KEYS", defaultText: "none", secret: true, doc: "Bearer keys of trusted servers, at least 16 characters each; a comma-separated list, for rotation.",
			set: parseInto(func(c *Config) *[]string { return &c.ServiceKeys }, parseServiceKeys)},
		{name: "AUTOWEBINAR_JWT_SECRET", defaultText: "none: JWTs are rejected", secret: true, raw: true, doc: "HS256 secret of viewers' JWTs, at least 32 bytes.",
			set: parseInto(func(c *Config) *[]byte { return &c.JWTSecret }, parseJWTSecret)},
		{name: cookieName, defaultText: "any `wordpress_logged_in_…`", doc: "Name of the login cookie, if the site sets `LOGGED_IN_COOKIE` or `COOKIEHASH`.",
			set: parseInto(func(c *Config) *string { return &c.CookieName }, parseCookieName)},
		{name: "AUTOWEBINAR_NONCE_LIFE", def: "24h", doc: "Lifetime of REST nonces, if a plugin filters `nonce_life`; a duration or seconds.",
			set: parseInto(func(c *Config) *time.Duration { return &c.NonceLife }, parseNonceLife)},

		// Delivery of events.
		{name: webhookURL, defaultText: "required", secret: true, doc: "URL that events are sent to; with `off`, no events are stored.",
			set: parseInto(func(c *Config) **url.URL { return &c.WebhookURL }, parseWebhookURL)},
		{name: webhookSecret, defaultText: "required unless the URL is `off`", secret: true, doc: "Signing secrets, `whsec_` followed by the base64 of 24 to 64 bytes; a comma-separated list, for rotation.",
			set: parseInto(func(c *Config) *[][]byte { return &c.WebhookSecrets }, parseWebhookSecrets)},
		{name: "AUTOWEBINAR_WEBHOOK_RETRY", defaultText: "`5s,30s,2m,10m,1h,3h,6h,12h`, then `24h` up to 7 days", doc: "Waiting times between delivery attempts, the last of which repeats until 7 days after the first attempt; a comma-separated list of durations.",
			set: parseInto(func(c *Config) *[]time.Duration { return &c.WebhookRetry }, parseRetry)},
		{name: "AUTOWEBINAR_DISPATCH", def: "auto", doc: "Whether this replica sends events: `auto` (if the database elects it as leader), `on` or `off`.",
			set: parseInto(func(c *Config) *Dispatch { return &c.Dispatch }, oneOf(DispatchAuto, DispatchOn, DispatchOff))},
		{name: "AUTOWEBINAR_LEAD_META_KEY", defaultText: "none: the user id is the lead id", doc: "User meta key that contains the lead id.",
			set: parseInto(func(c *Config) *string { return &c.LeadMetaKey }, parseMetaKey)},

		// Sessions.
		{name: "AUTOWEBINAR_WEBINARS", defaultText: "none: any webinar is accepted", doc: "The site's webinars with their durations in seconds, `intro=3600,pro=5400`; if set, other webinars are rejected.",
			set: parseInto(func(c *Config) *map[webinar.ID]int64 { return &c.Webinars }, parseWebinars)},
		{name: "AUTOWEBINAR_MAX_PLAYBACK_RATE", def: "2", doc: "Highest playback rate that counts as watching, 1 to 16; `0` disables the check.",
			set: parseInto(func(c *Config) *float64 { return &c.MaxPlaybackRate }, parsePlaybackRate)},
		{name: "AUTOWEBINAR_HEARTBEAT_SEC", def: "10", doc: "Interval in seconds at which players report, 1 to 300.",
			set: parseInto(func(c *Config) *int64 { return &c.HeartbeatSec }, parseHeartbeat)},
	}
}

// variableNamed returns the variable with a name. For an unknown name, which
// wp-config.php may look up, it returns a secret that accepts any text.
func variableNamed(name string) variable {
	for _, v := range variables() {
		if v.name == name {
			return v
		}
	}
	return variable{name: name, secret: true, raw: true}
}

// Reference writes a Markdown table of all settings with their defaults and
// descriptions. Secrets are marked.
func Reference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| Variable | Default | Description |\n| --- | --- | --- |\n")
	for _, v := range variables() {
		doc := v.doc
		if v.secret {
			doc += " *Secret.*"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.name, v.defaultCell(), strings.ReplaceAll(doc, "|", `\|`))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (v variable) defaultCell() string {
	switch {
	case v.defaultText != "":
		return v.defaultText
	case v.def != "":
		return "`" + v.def + "`"
	}
	return ""
}
