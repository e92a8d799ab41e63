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

// apiFetchCalls: WordPress's own script calls every route of a viewer, as it
// calls WordPress's.
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

	// A page that was open for longer than its nonce lived gets another.
	p.waitFor(t, `(wp.apiFetch.nonceEndpoint += '&of=fetcher', wp.apiFetch.nonceMiddleware.nonce = '0123456789', wp.apiFetch({path: '/autowebinar/v1/session?webinar_id=intro'}).then((r) => r.webinar_id === 'intro'))`)
	s.expectRequests(t, "action=rest-nonce&of=fetcher", 1)
}

// A service that has another nonce salt than WordPress refuses every nonce that
// it is given: on that, wp.apiFetch asks for another without end.
func TestRefusedNonceDoesNotLoop(t *testing.T) {
	t.Parallel()
	s := newSite(t, newest(t), options{settings: map[string]string{"WORDPRESS_NONCE_SALT": "not WordPress's"}})
	s.addUser(t, "looper")
	p := newVisitor(t, s).logIn(t, "looper")
	p.navigate(t, s.home+"/")
	p.waitFor(t, `wp.apiFetch({path: '/autowebinar/v1/session?webinar_id=intro'}).catch((e) => e.data.status === 429)`)
	assert.Less(t, s.countRequests(t, "/autowebinar/v1/session"), 60)
}

// A login that is good for wp-admin alone is no login here, and does not loop.
func TestAdminOnlyLoginDoesNotLoop(t *testing.T) {
	t.Parallel()
	s := newSite(t, oldest(t), options{settings: map[string]string{"WORDPRESS_LOGGED_IN_SALT": "not WordPress's"}})
	s.addUser(t, "looper")
	p := newVisitor(t, s).logIn(t, "looper")
	p.navigate(t, s.home+"/")
	p.waitFor(t, `wp.apiFetch({path: '/autowebinar/v1/session?webinar_id=intro'}).catch((e) => e.code === 'rest_not_logged_in')`)
	s.expectRequests(t, "/autowebinar/v1/session", 1)
}

// isAccessed waits for the web server's log, which is written after the answer.
func (s *site) expectRequests(t testing.TB, text string, times int) {
	t.Helper()
	require.Eventually(t, func() bool { return s.countRequests(t, text) >= times }, 10*time.Second, 20*time.Millisecond, text)
	assert.Equal(t, times, s.countRequests(t, text), text)
}

// accessed counts requests in the web server's log that hold a text.
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
