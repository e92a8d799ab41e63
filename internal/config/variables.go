package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
)

// variable is one setting.
type variable struct {
	name        string
	def         string // parsed as if it had been set; empty: the field keeps its zero value
	defaultText string // the default as the reference words it, where def cannot say it
	doc         string // one line
	secret      bool   // its value appears in no message
	raw         bool   // any text may be its value, also one that looks like a comment

	// set parses the value into the Config. Nil where a value means something
	// only together with others: database.go and wpconfig.go read those.
	set func(*Config, string) error
}

// into joins a parser to the field that takes its result. Parsers state the
// rule that was broken and never repeat the value: whether it may be shown is
// for the loader to decide.
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

// variables is every setting there is, in the order of the reference.
func variables() []variable {
	return slices.Concat(databaseVariables(), saltVariables(), serverVariables(), accessVariables(),
		webhookVariables(), sessionVariables())
}

func databaseVariables() []variable {
	return []variable{
		{name: dbHost, defaultText: "required", doc: "The database as WordPress writes it: `host`, `host:port`, `localhost:/path.sock`."},
		{name: dbUser, defaultText: "required", doc: "The database account."},
		{name: dbPassword, defaultText: "required", secret: true, raw: true, doc: "Its password; may be set to nothing."},
		{name: dbName, defaultText: "required", doc: "The database."},
		{name: tablePrefix, def: "wp_", doc: "The table prefix; on multisite the base prefix."},
		{name: dbDSN, secret: true, raw: true, doc: "A go-sql-driver/mysql DSN, `user:password@tcp(host:3306)/name`; replaces the four `WORDPRESS_DB_` variables."},
		{name: usersTable, defaultText: "`{prefix}users`", doc: "The users table where its name is custom (`CUSTOM_USER_TABLE`)."},
		{name: usermetaTable, defaultText: "`{prefix}usermeta`", doc: "The user meta table where its name is custom (`CUSTOM_USER_META_TABLE`)."},
		{name: wpConfig, raw: true, doc: "The path of a wp-config.php; what the environment does not give of the above and of the salts is read from it."},
	}
}

func saltVariables() []variable {
	var vs []variable
	for _, name := range wordpress.SaltNames() {
		vs = append(vs, variable{name: wordpressPrefix + name, secret: true, raw: true, doc: "WordPress's `" + name + "`."})
	}
	return vs
}

func serverVariables() []variable {
	return []variable{
		{name: listen, def: ":8080", doc: "Where the API listens, `host:port`.",
			set: parseInto(func(c *Config) *string { return &c.Listen }, parseListen)},
		{name: adminListen, def: "127.0.0.1:9090", doc: "Where the status page, metrics, health, readiness and pprof listen; keep it private.",
			set: parseInto(func(c *Config) *string { return &c.AdminListen }, parseListen)},
		{name: "AUTOWEBINAR_BASE_PATH", def: "/wp-json/autowebinar/v1", doc: "The path of the API; a comma-separated list.",
			set: parseInto(func(c *Config) *[]string { return &c.BasePaths }, parseBasePaths)},
		{name: "AUTOWEBINAR_CORS_ORIGINS", defaultText: "none: CORS is off", doc: "Other origins whose pages may call the API, `https://app.example`; a comma-separated list.",
			set: parseInto(func(c *Config) *[]string { return &c.CORSOrigins }, parseOrigins)},
		{name: "AUTOWEBINAR_TRUSTED_PROXIES", defaultText: "none", doc: "Addresses or CIDR blocks whose forwarded headers count; a comma-separated list.",
			set: parseInto(func(c *Config) *[]netip.Prefix { return &c.TrustedProxies }, parseProxies)},
		{name: "AUTOWEBINAR_RATE_VIEWER", def: "50,300", doc: "Requests of one viewer: a second, burst; `0` is off.",
			set: parseInto(func(c *Config) *Rate { return &c.RateViewer }, parseRate)},
		{name: "AUTOWEBINAR_RATE_LOGIN", def: "10,20", doc: "Failed logins, forged ones of an address and wrong nonces of a viewer: a second, burst; `0` is off.",
			set: parseInto(func(c *Config) *Rate { return &c.RateLogin }, parseRate)},
		{name: "AUTOWEBINAR_LOG_LEVEL", def: "info", doc: "`debug`, `info`, `warn` or `error`.",
			set: parseInto(func(c *Config) *slog.Level { return &c.LogLevel }, parseLevel)},
		{name: "AUTOWEBINAR_LOG_FORMAT", def: "json", doc: "`json` or `text`.",
			set: parseInto(func(c *Config) *string { return &c.LogFormat }, oneOf("json", "text"))},
	}
}

func accessVariables() []variable {
	return []variable{
		{name: "AUTOWEBINAR_SERVICE_KEYS", defaultText: "none", secret: true, doc: "Bearer keys of trusted servers, at least 16 characters each; a comma-separated list, for rotation.",
			set: parseInto(func(c *Config) *[]string { return &c.ServiceKeys }, parseServiceKeys)},
		{name: "AUTOWEBINAR_JWT_SECRET", defaultText: "none: JWTs are refused", secret: true, raw: true, doc: "The HS256 secret of viewers' JWTs, at least 32 bytes.",
			set: parseInto(func(c *Config) *[]byte { return &c.JWTSecret }, parseJWTSecret)},
		{name: cookieName, defaultText: "any `wordpress_logged_in_…`", doc: "The login cookie's name where `LOGGED_IN_COOKIE` or `COOKIEHASH` is custom.",
			set: parseInto(func(c *Config) *string { return &c.CookieName }, parseCookieName)},
		{name: "AUTOWEBINAR_NONCE_LIFE", def: "24h", doc: "How long a REST nonce lives, where a plugin filters `nonce_life`; a duration or seconds.",
			set: parseInto(func(c *Config) *time.Duration { return &c.NonceLife }, parseNonceLife)},
	}
}

func webhookVariables() []variable {
	return []variable{
		{name: webhookURL, defaultText: "required", secret: true, doc: "Where events are sent; `off`: no event is ever written.",
			set: parseInto(func(c *Config) **url.URL { return &c.WebhookURL }, parseWebhookURL)},
		{name: webhookSecret, defaultText: "required unless the URL is `off`", secret: true, doc: "Signing secrets, `whsec_` and the base64 of 24 to 64 bytes; a comma-separated list, for rotation.",
			set: parseInto(func(c *Config) *[][]byte { return &c.WebhookSecrets }, parseWebhookSecrets)},
		{name: "AUTOWEBINAR_WEBHOOK_RETRY", defaultText: "`5s,30s,2m,10m,1h,3h,6h,12h`, then `24h` up to 7 days", doc: "The waits between delivery attempts; a comma-separated list of durations.",
			set: parseInto(func(c *Config) *[]time.Duration { return &c.WebhookRetry }, parseRetry)},
		{name: "AUTOWEBINAR_DISPATCH", def: "auto", doc: "Whether this replica sends events: `auto` (one replica, chosen by the database), `on`, `off`.",
			set: parseInto(func(c *Config) *Dispatch { return &c.Dispatch }, oneOf(DispatchAuto, DispatchOn, DispatchOff))},
		{name: "AUTOWEBINAR_LEAD_META_KEY", defaultText: "none: the user id is the lead id", doc: "The user meta key that holds the lead id.",
			set: parseInto(func(c *Config) *string { return &c.LeadMetaKey }, parseMetaKey)},
	}
}

func sessionVariables() []variable {
	return []variable{
		{name: "AUTOWEBINAR_WEBINARS", defaultText: "none: any webinar is accepted", doc: "The site's webinars and their seconds, `intro=3600,pro=5400`; where given, no other is accepted.",
			set: parseInto(func(c *Config) *map[webinar.ID]int64 { return &c.Webinars }, parseWebinars)},
		{name: "AUTOWEBINAR_MAX_PLAYBACK_RATE", def: "2", doc: "The fastest playback that counts as watching, 1 to 16; `0` turns the check off.",
			set: parseInto(func(c *Config) *float64 { return &c.MaxPlaybackRate }, parsePlaybackRate)},
		{name: "AUTOWEBINAR_HEARTBEAT_SEC", def: "10", doc: "How often a player reports, 1 to 300 seconds.",
			set: parseInto(func(c *Config) *int { return &c.HeartbeatSec }, parseHeartbeat)},
	}
}

// find gives a variable's row, and for a name that has none a secret without rules.
func find(name string) variable {
	for _, v := range variables() {
		if v.name == name {
			return v
		}
	}
	return variable{name: name, secret: true, raw: true}
}
