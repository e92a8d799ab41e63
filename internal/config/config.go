// Package config promises that the service either starts with settings that
// were all checked, or says everything that is wrong with them at once, by the
// name of the variable, and that no way of printing a Config shows a secret.
//
// The settings are environment variables: the official WordPress image's own
// names for the database and the salts, so that both containers can share all
// but the account, and AUTOWEBINAR_ names for the rest. Each variable X may be given
// as X_FILE, the path of a file that holds the value. Reference prints them all.
package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-sql-driver/mysql"

	"autowebinar/internal/webinar"
)

// Config is what the service runs with. Load makes it; every field of a Config
// that Load returned holds a checked value.
type Config struct {
	Listen      string   // host:port of the API
	AdminListen string   // host:port of health, readiness, pprof
	BasePaths   []string // at least one; each begins with a slash and does not end with one

	DSN           *mysql.Config // how to reach the database; never nil
	UsersTable    string        // a plain table name, prefix included
	UsermetaTable string        // a plain table name, prefix included

	// Salts holds the salt constants that are set, by WordPress's own names
	// (LOGGED_IN_KEY); SECRET_KEY and SECRET_SALT are among them where
	// wp-config.php defines them. Empty, default and repeated values are kept:
	// WordPress's rules say what those mean.
	Salts      map[string]string
	CookieName string        // empty: any wordpress_logged_in_ cookie
	NonceLife  time.Duration // a whole, even number of seconds

	ServiceKeys []string // none: no service key is accepted
	JWTSecret   []byte   // at least 32 bytes; empty: no JWT is accepted

	WebhookURL     *url.URL        // http or https, no userinfo; nil: off, no event is written
	WebhookSecrets [][]byte        // the decoded keys, 24 to 64 bytes each; at least one unless WebhookURL is nil
	WebhookRetry   []time.Duration // nil: the dispatcher's own schedule
	Dispatch       Dispatch
	LeadMetaKey    string // empty: the lead id is the WordPress user id

	Webinars        map[webinar.ID]int64 // duration in seconds; nil: any webinar is accepted
	MaxPlaybackRate float64              // 1 to 16; 0: progress is not held against the clock
	HeartbeatSec    int                  // how often a player reports, 1 to 300 seconds

	CORSOrigins    []string       // scheme://host[:port], lower case; none: CORS is off
	TrustedProxies []netip.Prefix // whose forwarded headers count; IPv4 is never in its IPv6 form
	RateViewer     Rate           // requests of one viewer
	RateLogin      Rate           // failed logins from one address

	LogLevel  slog.Level
	LogFormat string // json or text
}

// Rate is a token bucket: so many a second, and so many at once. The zero Rate
// is off: no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Dispatch says whether this replica sends events.
type Dispatch string

// The three ways to choose the dispatcher.
const (
	DispatchAuto Dispatch = "auto" // the replica that holds the database's named lock
	DispatchOn   Dispatch = "on"   // this one: for clusters where a named lock is per node
	DispatchOff  Dispatch = "off"  // never this one
)
