package site

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testLoginsEnd checks that the service rejects a login at most 30 s after it
// has ended in WordPress, because it caches logins for that long.
func testLoginsEnd(t *testing.T, s *site) {
	for name, end := range map[string]func(t *testing.T, c *client, user uint64){
		"log-out": func(t *testing.T, c *client, _ uint64) { c.logOut(t) },
		"log-out everywhere": func(t *testing.T, _ *client, user uint64) {
			s.eval(t, nil, `WP_Session_Tokens::get_instance(%d)->destroy_all(); return true;`, user)
		},
		"password change": func(t *testing.T, _ *client, user uint64) {
			s.eval(t, nil, `return wp_update_user(array('ID' => %d, 'user_pass' => 'another'));`, user)
		},
		"deletion": func(t *testing.T, _ *client, user uint64) {
			s.eval(t, nil, `require_once ABSPATH . 'wp-admin/includes/user.php'; return wp_delete_user(%d);`, user)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			login := "ends-" + strings.ReplaceAll(name, " ", "-")
			user := s.addUser(t, login)
			c := newClient(t, s, login)
			c.must(t, 201, "/enter", `{"webinar_id":"intro"}`)

			cookies := c.cookies(t)
			end(t, c, user)
			ended := time.Now()
			stolen := &client{site: s, http: withCookies(cookies), nonce: c.nonce}
			// A page that is still open continues to report.
			lastAccepted := ended
			require.Eventually(t, func() bool {
				sent := time.Now()
				status := stolen.send(t, "/progress", `{"webinar_id":"intro","position_sec":1}`).Status
				if status != 401 && status < 500 {
					lastAccepted = sent
				}
				return status == 401
			}, waitTimeout, 200*time.Millisecond)
			assert.LessOrEqual(t, lastAccepted.Sub(ended), 30*time.Second, "no report is accepted later")
			if name == "deletion" {
				var left []string
				require.NoError(t, s.db.SelectContext(t.Context(), &left, "SELECT meta_key FROM "+s.usermeta+" WHERE user_id = ?", user))
				assert.Empty(t, left, "no row of the deleted user")
			}
		})
	}
}

// logOut follows the link on the confirmation page of WordPress.
func (c *client) logOut(t testing.TB) {
	t.Helper()
	res, err := c.http.Get(c.site.home + "/wp-login.php?action=logout")
	require.NoError(t, err)
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	link := regexp.MustCompile(`href="([^"]*action=logout[^"]*_wpnonce=[^"]*)"`).FindSubmatch(page)
	require.NotNil(t, link, string(page))
	res, err = c.http.Get(strings.ReplaceAll(string(link[1]), "&amp;", "&"))
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, 200, res.StatusCode)
}

// withCookies returns a client that always sends these cookies.
func withCookies(cookies []*http.Cookie) *http.Client {
	return &http.Client{Timeout: waitTimeout, Transport: fixedCookies(cookies)}
}

type fixedCookies []*http.Cookie

func (cookies fixedCookies) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	return http.DefaultTransport.RoundTrip(r)
}
