package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// install lets WordPress create its tables and sets the permalinks. At the end of
// the test it checks that PHP has logged no problem of the plugin.
func (s *site) install(t testing.TB) {
	t.Helper()
	s.runPHP(t, "", "testdata/install.php", s.release.docroot, password)
	if s.multisite {
		s.eval(t, nil, `require_once ABSPATH . 'wp-admin/includes/upgrade.php'; require_once ABSPATH . 'wp-admin/includes/network.php';
			global $wpdb; foreach ($wpdb->tables('ms_global') as $table => $name) { $wpdb->$table = $name; }
			install_network(); return populate_network(1, $_SERVER['HTTP_HOST'], 'admin@example.test', 'A network', '/', false);`)
		s.writeConfig(t, fmt.Sprintf("define( 'MULTISITE', true );\ndefine( 'SUBDOMAIN_INSTALL', false );\ndefine( 'DOMAIN_CURRENT_SITE', '%s' );\n"+
			"define( 'PATH_CURRENT_SITE', '/' );\ndefine( 'SITE_ID_CURRENT_SITE', 1 );\ndefine( 'BLOG_ID_CURRENT_SITE', 1 );\n", s.host))
	}
	if !s.plainPermalinks {
		s.eval(t, nil, `global $wp_rewrite; $wp_rewrite->set_permalink_structure('/%%postname%%/'); return true;`)
	}
	if s.regularPlugin {
		s.eval(t, nil, `require_once ABSPATH . 'wp-admin/includes/plugin.php'; activate_plugin('autowebinar.php', '', false, true); return true;`)
	}
	t.Cleanup(func() {
		assert.Empty(t, pluginErrors.FindAllString(s.debugLog(), -1), "PHP logs no problem of the plugin")
	})
}

// pluginErrors matches errors of the plugin in the PHP log. It does not match the
// failures of listeners, which the plugin logs too.
var pluginErrors = regexp.MustCompile(`PHP (Warning|Notice|Deprecated|Fatal|Parse)[^\n]*autowebinar\.php[^\n]*`)

func (s *site) debugLog() string {
	text, _ := os.ReadFile(filepath.Join(s.content(), "debug.log"))
	return string(text)
}

// runPHP runs a PHP program with the site's configuration in a separate process.
func (s *site) runPHP(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	// Separate processes share compiled files on disk.
	settings := append(slices.Clone(s.tools.phpOptions), "-d", "opcache.enable_cli=1", "-d", "opcache.file_cache="+servers.home)
	cmd := exec.Command(s.tools.php, append(settings, args...)...)
	cmd.Env = append(s.tools.environment(), "SITE_CONFIG="+s.config(), "SITE_HOST="+s.host)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s", out, stderr.String())
	return string(out)
}

// eval runs code in WordPress, in a separate request, and decodes its result unless
// that is nil.
func (s *site) eval(t testing.TB, result any, code string, args ...any) {
	t.Helper()
	code = fmt.Sprintf(code, args...)
	if !s.served {
		s.decode(t, result, s.runPHP(t, code, "testdata/run.php", s.release.docroot))
		return
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.home+"/index.php", strings.NewReader(code))
	require.NoError(t, err)
	req.Header.Set("Site-Eval", s.configValues["{eval}"])
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode, "%s\n%s", out, s.debugLog())
	s.decode(t, result, string(out))
}

func (s *site) decode(t testing.TB, result any, text string) {
	t.Helper()
	if result != nil {
		require.NoError(t, json.Unmarshal([]byte(text), result), text)
	}
}

// addUser creates a subscriber and returns the id.
func (s *site) addUser(t testing.TB, login string) (id uint64) {
	t.Helper()
	return s.addAccount(t, login, "subscriber")
}

// addAdmin creates an administrator. Each scenario uses a different one, because
// WordPress loses one of two simultaneous logins of a user.
func (s *site) addAdmin(t testing.TB, login string) (id uint64) {
	t.Helper()
	return s.addAccount(t, login, "administrator")
}

func (s *site) addAccount(t testing.TB, login, role string) (id uint64) {
	t.Helper()
	s.eval(t, &id, `return wp_insert_user(wp_slash(array('user_login' => %q, 'user_pass' => base64_decode('%s'), 'user_email' => %q, 'role' => %q)));`,
		login, base64Of(password), login+"@example.test", role)
	require.NotZero(t, id)
	return id
}

// addPage publishes a page and returns its address.
func (s *site) addPage(t testing.TB, title, content string) (address string) {
	t.Helper()
	s.eval(t, &address, `$id = wp_insert_post(wp_slash(array('post_type' => 'page', 'post_status' => 'publish', 'post_title' => %q, 'post_content' => base64_decode('%s'))));
		return get_permalink($id);`, title, base64Of(content))
	return address
}

// meta returns the result of get_user_meta() in a separate request.
func (s *site) meta(t testing.TB, user uint64, key string) (value string) {
	t.Helper()
	s.eval(t, &value, `return get_user_meta(%d, '%s', true);`, user, key)
	return value
}

// action is an action that has fired.
type action struct {
	Action  string
	Payload map[string]any
	Meta    map[string]any
}

// recordedActions returns the actions that testdata/mu-plugins/listeners.php has
// recorded.
func (s *site) recordedActions(t testing.TB) []action {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.content(), "actions.jsonl"))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	text = text[:bytes.LastIndexByte(text, '\n')+1] // the last line may be half written
	var all []action
	decoder := json.NewDecoder(bytes.NewReader(text))
	for decoder.More() {
		var n action
		require.NoError(t, decoder.Decode(&n))
		all = append(all, n)
	}
	return all
}
