package site

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testAPIFetch calls every viewer route with wp.apiFetch, the script of WordPress.
func testAPIFetch(t *testing.T, s *site) {
	s.addUser(t, "fetcher")
	p := newVisitor(t, s).logIn(t, "fetcher")
	p.navigate(t, s.home+"/")
	for _, call := range []struct{ route, data, want string }{
		{"enter", `{webinar_id: 'intro'}`, `r.session_id.length === 36`},
		{"progress", `{webinar_id: 'intro', position_sec: 1.5}`, `r.last_position_sec === 1`},
		{"cta", `{webinar_id: 'intro'}`, `r.cta_clicked_at !== null`},
		{"exit", `{webinar_id: 'intro'}`, `r.webinar_id === 'intro'`},
		{"resume", `{}`, `r.resume_position_sec === 1`},
		{"register", `{webinar_id: 'pro', source: 'page'}`, `r.webinar_id === 'pro'`},
		{"form", `{webinar_id: 'intro', form_id: 'survey', form_payload: {a: 1}}`, `r.submission_id.length === 36`},
	} {
		p.waitFor(t, fmt.Sprintf(`wp.apiFetch({path: '/autowebinar/v1/%s', method: 'POST', data: %s}).then((r) => %s)`, call.route, call.data, call.want))
	}
	p.waitFor(t, `wp.apiFetch({path: '/autowebinar/v1/session?webinar_id=intro'}).then((r) => r.last_position_sec === 1)`)
	p.waitFor(t, `wp.apiFetch({path: '/autowebinar/v1/attendance', method: 'POST', data: {user_ids: [1]}}).catch((e) => e.code === 'rest_forbidden')`)
	p.waitFor(t, `wp.apiFetch({path: '/autowebinar/v1/users/1/enter', method: 'POST', data: {webinar_id: 'intro'}}).catch((e) => e.code === 'rest_forbidden')`)
	p.waitFor(t, `wp.apiFetch({path: '/autowebinar/v1/enter', method: 'POST', data: {}}).catch((e) => e.code === 'rest_missing_callback_param' && e.data.params[0] === 'webinar_id')`)

	// A page whose nonce has expired gets a new one.
	p.waitFor(t, `(wp.apiFetch.nonceEndpoint += '&of=fetcher', wp.apiFetch.nonceMiddleware.nonce = '0123456789', wp.apiFetch({path: '/autowebinar/v1/session?webinar_id=intro'}).then((r) => r.webinar_id === 'intro'))`)
	s.expectRequests(t, "action=rest-nonce&of=fetcher", 1)
}

// TestRefusedNonceDoesNotLoop checks a service with a different nonce salt than
// WordPress: it rejects every nonce, and wp.apiFetch retries with a new one until
// the service limits the rate. The limit is lower than usual, because a client on
// a busy machine would not reach the usual one.
func TestRefusedNonceDoesNotLoop(t *testing.T) {
	t.Parallel()
	s := newSite(t, newest(t), options{settings: map[string]string{"WORDPRESS_NONCE_SALT": "another salt", "AUTOWEBINAR_RATE_LOGIN": "0.1,20"}})
	s.addUser(t, "looper")
	p := newVisitor(t, s).logIn(t, "looper")
	p.navigate(t, s.home+"/")
	p.waitFor(t, `wp.apiFetch({path: '/autowebinar/v1/session?webinar_id=intro'}).catch((e) => e.data.status === 429)`)
	assert.Less(t, s.countRequests(t, "/autowebinar/v1/session"), 60)
}

// TestAdminOnlyLoginDoesNotLoop checks that a cookie that is valid for wp-admin
// only is not accepted as a login, and that wp.apiFetch does not retry.
func TestAdminOnlyLoginDoesNotLoop(t *testing.T) {
	t.Parallel()
	s := newSite(t, oldest(t), options{settings: map[string]string{"WORDPRESS_LOGGED_IN_SALT": "another salt"}})
	s.addUser(t, "looper")
	p := newVisitor(t, s).logIn(t, "looper")
	p.navigate(t, s.home+"/")
	p.waitFor(t, `wp.apiFetch({path: '/autowebinar/v1/session?webinar_id=intro'}).catch((e) => e.code === 'rest_not_logged_in')`)
	s.expectRequests(t, "/autowebinar/v1/session", 1)
}

// expectRequests waits until the access log has the expected number of lines
// that contain a text. The web server writes a line after its response.
func (s *site) expectRequests(t testing.TB, text string, times int) {
	t.Helper()
	require.Eventually(t, func() bool { return s.countRequests(t, text) >= times }, waitTimeout, 20*time.Millisecond, text)
	assert.Equal(t, times, s.countRequests(t, text), text)
}

// countRequests counts the lines of the access log that contain a text.
func (s *site) countRequests(t testing.TB, text string) (count int) {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(s.dir, "access.log"))
	require.NoError(t, err)
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, text) {
			count++
		}
	}
	return count
}
