package site

import (
	"crypto/rand"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/servicetest"
	"autowebinar/internal/wpdb"
)

// options configures a site. The zero value means a site with pretty permalinks
// and the plugin, and a service that delivers events to the plugin's bridge.
type options struct {
	prefix          string            // of the tables; default wp_
	directory       string            // such as /blog; empty for the root of the host
	plainPermalinks bool              // plain permalinks
	salts           map[string]string // nil for eight valid salts; empty for none in the file
	users           string            // name of the users table; default {prefix}users
	usermeta        string            // likewise
	apache          bool              // use Apache instead of nginx
	multisite       bool              // multisite, with a second site in /two/
	noPlugin        bool              // without the plugin
	regularPlugin   bool              // the plugin is activated, and no must-use plugin
	noSecret        bool              // WordPress does not have the webhook secret
	objectCache     string            // the file of testdata to install as the object cache
	settings        map[string]string // further environment of the service
}

// site is a WordPress site with the service.
type site struct {
	options
	release      release
	tools        *tools
	dir          string // wp-config.php, content, logs
	host         string // host:port
	home         string // address without a trailing slash
	db           *sqlx.DB
	configValues map[string]string // placeholders of wp-config.php
	env          map[string]string // of the service
	service      *servicetest.Service
	served       bool // by a web server
}

var siteCount atomic.Int64

// newSite creates a site and serves it until the test ends.
func newSite(t *testing.T, r release, p options) *site {
	t.Helper()
	s := &site{options: p, release: r, tools: requireTools(t), dir: t.TempDir(), host: freeAddress(t)}
	s.home = "http://" + s.host + p.directory
	if s.prefix == "" {
		s.prefix = "wp_"
	}
	if s.users == "" {
		s.users = s.prefix + "users"
	}
	if s.usermeta == "" {
		s.usermeta = s.prefix + "usermeta"
	}
	if s.salts == nil {
		s.salts = servicetest.Salts
	}
	s.writeFiles(t)
	s.createDatabase(t)
	s.install(t)
	s.startService(t)
	s.startWebServer(t)
	s.served = true
	return s
}

// password is that of all users. It contains characters that need escaping.
const password = `correct horse "battery" & staple's`

func (s *site) content() string { return filepath.Join(s.dir, "content") }
func (s *site) config() string  { return filepath.Join(s.dir, "wp-config.php") }

// writeFiles creates the site's directory with theme, plugins and video.
func (s *site) writeFiles(t testing.TB) {
	t.Helper()
	theme, plugins := filepath.Join(s.content(), "themes/site"), filepath.Join(s.content(), "mu-plugins")
	for _, dir := range []string{theme, plugins, filepath.Join(s.content(), "uploads"), filepath.Join(s.dir, "root")} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	for _, name := range []string{"style.css", "index.php", "functions.php"} {
		copyFile(t, "testdata/theme/"+name, filepath.Join(theme, name))
	}
	for _, name := range []string{"listeners.php", "eval.php"} {
		copyFile(t, "testdata/mu-plugins/"+name, filepath.Join(plugins, name))
	}
	if s.regularPlugin {
		plugins = filepath.Join(s.content(), "plugins")
		require.NoError(t, os.MkdirAll(plugins, 0o755))
	}
	if !s.noPlugin {
		copyFile(t, "../../api/wordpress/autowebinar.php", filepath.Join(plugins, "autowebinar.php"))
	}
	if s.objectCache != "" {
		copyFile(t, "testdata/"+s.objectCache, filepath.Join(s.content(), "object-cache.php"))
	}
	copyFile(t, "../demo/page/webinar.mp4", filepath.Join(s.content(), "uploads/webinar.mp4"))
	require.NoError(t, os.WriteFile(filepath.Join(s.content(), "whose.txt"), []byte(s.dir), 0o644))
	if s.directory != "" {
		require.NoError(t, os.Symlink(s.release.docroot, filepath.Join(s.dir, "root", s.directory)))
	}
}

// root returns the document root of the web server.
func (s *site) root() string {
	if s.directory == "" {
		return s.release.docroot
	}
	return filepath.Join(s.dir, "root")
}

// createDatabase creates the site's database with an account for WordPress and one
// for the service, and sets the configuration of both.
func (s *site) createDatabase(t testing.TB) {
	t.Helper()
	server := servers.open(t).server
	name := fmt.Sprintf("site%d", siteCount.Add(1))
	sitePassword, servicePassword := rand.Text(), rand.Text()

	admin, err := sqlx.Open("mysql", server.AdminDSN(""))
	require.NoError(t, err)
	defer admin.Close()
	for _, statement := range []string{
		"CREATE DATABASE " + name + " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci",
		"CREATE USER '" + name + "'@'%' IDENTIFIED BY '" + sitePassword + "'",
		"GRANT ALL ON " + name + ".* TO '" + name + "'@'%'",
		"CREATE USER '" + name + "aw'@'%' IDENTIFIED BY '" + servicePassword + "'",
	} {
		_, err := admin.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	s.db, err = sqlx.Open("mysql", server.AdminDSN(name))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.db.Close() })

	s.configValues = map[string]string{"{database}": name, "{user}": name, "{password}": sitePassword, "{host}": server.Addr(), "{eval}": rand.Text()}
	s.writeConfig(t, "")
	s.env = map[string]string{
		"AUTOWEBINAR_WP_CONFIG":      s.config(),
		"WORDPRESS_DB_USER":          name + "aw",
		"WORDPRESS_DB_PASSWORD":      servicePassword,
		"AUTOWEBINAR_LISTEN":         "127.0.0.1:0",
		"AUTOWEBINAR_ADMIN_LISTEN":   "127.0.0.1:0",
		"AUTOWEBINAR_BASE_PATH":      s.directory + "/wp-json/autowebinar/v1",
		"AUTOWEBINAR_WEBHOOK_URL":    s.bridge(),
		"AUTOWEBINAR_WEBHOOK_SECRET": servicetest.WebhookSecret,
		"AUTOWEBINAR_WEBHOOK_RETRY":  "100ms,500ms,1s",
		"AUTOWEBINAR_SERVICE_KEYS":   servicetest.ServiceKey,
		"AUTOWEBINAR_WEBINARS":       "intro=60,pro=600",
		// Tests play the video at eight times its rate.
		"AUTOWEBINAR_MAX_PLAYBACK_RATE": "16",
		"AUTOWEBINAR_HEARTBEAT_SEC":     "1",
	}
	maps.Copy(s.env, s.settings)
}

// bridge returns the address at which the plugin receives events.
func (s *site) bridge() string {
	return s.home + "/index.php?rest_route=/autowebinar-bridge/v1/events"
}

// writeConfig writes wp-config.php from testdata.
func (s *site) writeConfig(t testing.TB, more string) {
	t.Helper()
	values := maps.Clone(s.configValues)
	var salts strings.Builder
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	for name, value := range s.salts {
		fmt.Fprintf(&salts, "define( '%s', '%s' );\n", name, quote.Replace(value))
	}
	if s.users != s.prefix+"users" {
		more += fmt.Sprintf("define( 'CUSTOM_USER_TABLE', '%s' );\ndefine( 'CUSTOM_USER_META_TABLE', '%s' );\n", s.users, s.usermeta)
	}
	if !s.noSecret {
		more += fmt.Sprintf("define( 'AUTOWEBINAR_WEBHOOK_SECRET', '%s' );", servicetest.WebhookSecret)
	}
	values["{salts}"], values["{home}"], values["{content}"], values["{prefix}"], values["{more}"] = salts.String(), s.home, s.content(), s.prefix, more
	text, err := os.ReadFile("testdata/wp-config.php")
	require.NoError(t, err)
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, name, value)
	}
	require.NoError(t, os.WriteFile(s.config(), []byte(strings.NewReplacer(pairs...).Replace(string(text))), 0o600))
}

// startService starts the service under an account with the two grants that the
// documentation requires.
func (s *site) startService(t *testing.T) {
	t.Helper()
	account := "'" + s.env["WORDPRESS_DB_USER"] + "'@'%'"
	s.exec(t, "GRANT SELECT ON "+s.users+" TO "+account)
	s.exec(t, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+s.usermeta+" TO "+account)
	s.service = servicetest.Start(t, s.env).Ready(t)
}

// exec runs a statement, again if it was the victim of a deadlock with a running
// service.
func (s *site) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	var err error
	for range 10 {
		if _, err = s.db.ExecContext(t.Context(), statement, args...); wpdb.RetryReason(err) != "deadlock" {
			break
		}
	}
	require.NoError(t, err, statement)
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, text, 0o644))
}

// usedPorts are the ports of all sites so far.
var usedPorts sync.Map

// freeAddress returns an address at which a web server can listen. The port is
// below the ephemeral range and the ports of other packages' servers, so that no
// other program gets it before the server listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := 10000 + mathrand.N(10000)
		if _, taken := usedPorts.LoadOrStore(port, true); taken {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			require.NoError(t, l.Close())
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}
