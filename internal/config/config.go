package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-sql-driver/mysql"

	"autowebinar/internal/webinar"
)

// Config contains the settings of the service. All values are valid if Load
// returned it.
type Config struct {
	Listen      string   // host:port of the API
	AdminListen string   // host:port of the status page, metrics, health, readiness and pprof
	BasePaths   []string // at least one; each begins with a slash and does not end with one

	DSN           *mysql.Config // never nil
	UsersTable    string        // a plain table name, prefix included
	UsermetaTable string        // a plain table name, prefix included

	// Salts contains the salt constants that are set, by their names in
	// WordPress, such as LOGGED_IN_KEY. It includes SECRET_KEY and SECRET_SALT if
	// wp-config.php defines them. Empty, default and repeated values are included;
	// wordpress.NewSalts decides whether they are usable.
	Salts      map[string]string
	CookieName string        // if empty, any wordpress_logged_in_ cookie counts
	NonceLife  time.Duration // a whole, even number of seconds

	ServiceKeys []string // if empty, service keys are rejected
	JWTSecret   []byte   // at least 32 bytes; if empty, JWTs are rejected

	WebhookURL     *url.URL        // http or https without userinfo; if nil, no events are stored
	WebhookSecrets [][]byte        // decoded keys of 24 to 64 bytes; at least one unless WebhookURL is nil
	WebhookRetry   []time.Duration // if nil, the dispatcher uses its default schedule
	Dispatch       Dispatch
	LeadMetaKey    string // if empty, the lead id is the WordPress user id

	Webinars        map[webinar.ID]int64 // durations in seconds; if nil, any webinar is accepted
	MaxPlaybackRate float64              // 1 to 16, or 0 to accept any progress
	HeartbeatSec    int64                // interval of players' reports, 1 to 300 seconds

	CORSOrigins    []string       // scheme://host[:port] in lower case; if empty, CORS is disabled
	TrustedProxies []netip.Prefix // proxies whose forwarding headers are trusted; IPv4 is never mapped to IPv6
	RateViewer     Rate           // requests of one viewer
	RateLogin      Rate           // failed logins: forged ones per address, wrong nonces per viewer

	LogLevel  slog.Level
	LogFormat string // json or text
}

// Rate configures a token bucket. The zero Rate means no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Dispatch says whether this replica sends events.
type Dispatch string

// The values of Dispatch.
const (
	DispatchAuto Dispatch = "auto" // if it is elected leader
	DispatchOn   Dispatch = "on"   // always deliver, for clusters whose named locks are per node
	DispatchOff  Dispatch = "off"  // never
)
