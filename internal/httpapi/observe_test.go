package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/httpapi"
)

// recordingObserver records its calls.
type recordingObserver struct {
	mu      sync.Mutex
	lines   []string
	changes []httpapi.SessionChange
}

func (o *recordingObserver) record(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (o *recordingObserver) RequestDone(route string, status int, code string, _ time.Duration) {
	o.record("%q %d %s", route, status, code)
}
func (o *recordingObserver) LoggedIn(kind string)       { o.record("logged in: %s", kind) }
func (o *recordingObserver) LoginRefused(reason string) { o.record("refused: %s", reason) }
func (o *recordingObserver) SessionChanged(s httpapi.SessionChange) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.changes = append(o.changes, s)
}

// next waits for n lines, because a request is reported after its response, and
// returns the lines since the last call.
func (o *recordingObserver) next(t *testing.T, n int) []string {
	t.Helper()
	assert.Eventually(t, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.lines) >= n
	}, 10*time.Second, time.Millisecond)
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.lines
	o.lines = nil
	return lines
}

func setupObserved(t *testing.T, options ...func(*httpapi.Config)) (*site, *recordingObserver) {
	t.Helper()
	o := &recordingObserver{}
	return setup(t, slices.Concat(options, []func(*httpapi.Config){func(c *httpapi.Config) { c.Observer = o }})...), o
}

func TestObserverReceivesRequestsAndLogins(t *testing.T) {
	t.Parallel()
	s, o := setupObserved(t)
	for _, tt := range []struct {
		method, route string
		credentials   requestOption
		want          []string
	}{
		{"POST", "/enter", page(anna()), []string{"logged in: cookie", `"/enter" 201`}},
		{"GET", "/session", token(7), []string{"logged in: jwt", `"/session" 200`}},
		{"GET", "/users/7/session", asService(), []string{"logged in: service_key", `"/users/{user_id}/session" 200`}},
		{"GET", "/session", asService(), []string{"logged in: service_key", `"/session" 403 rest_forbidden`}},
		{"GET", "/session", header("Accept", "*/*"), []string{"refused: anonymous", `"/session" 401 rest_not_logged_in`}},
		{"GET", "/session", loggedIn(anna()), []string{"refused: anonymous", `"/session" 401 rest_not_logged_in`}},
		{"GET", "/session", bearer("made.up.token"), []string{"refused: forged_token", `"/session" 401 rest_not_logged_in`}},
		{"GET", "/session", bearer(sign(jwt.MapClaims{"sub": "7", "exp": 1})), []string{"refused: expired_token", `"/session" 401 rest_not_logged_in`}},
		{"GET", "/session", all(loggedIn(anna()), nonce("0123456789")), []string{"refused: wrong_nonce", `"/session" 403 rest_cookie_invalid_nonce`}},
		{"GET", "/session", all(cookie(forgedCookie(anna())), nonce("0123456789")), []string{"refused: forged_cookie", `"/session" 401 rest_not_logged_in`}},
		{"GET", "/session", all(cookie("demo.user|1|x|y"), nonce("0123456789")), []string{"refused: malformed_cookie", `"/session" 401 rest_not_logged_in`}},
		{"GET", "/session", all(cookie(anna().cookieValue(time.Now().Add(-time.Minute))), nonce("0123456789")), []string{"refused: expired_cookie", `"/session" 401 rest_not_logged_in`}},
		{"GET", "/nothing/here", asService(), []string{`"" 404 rest_no_route`}},
		{"DELETE", "/session", asService(), []string{`"" 404 rest_no_route`}},
		{"GET", "/openapi.yaml", asService(), []string{`"/openapi.yaml" 200`}},
	} {
		body := ""
		if tt.method == "POST" {
			body = `{"webinar_id":"intro"}`
		}
		s.call(t, tt.method, tt.route, body, tt.credentials)
		assert.Equal(t, tt.want, o.next(t, len(tt.want)), "%s %s", tt.method, tt.route)
	}
}

func TestObserverReceivesSessionChanges(t *testing.T) {
	t.Parallel()
	s, o := setupObserved(t)
	session := s.enter(t, anna(), "intro")
	report := func(members string) httpapi.SessionChange {
		s.call(t, "POST", "/progress", `{"session_id":"`+session+`",`+members+`}`, page(anna()))
		change := o.changes[len(o.changes)-1]
		assert.EqualValues(t, session, change.Session)
		assert.True(t, change.Reported)
		return change
	}
	require.Len(t, o.changes, 1)
	assert.True(t, o.changes[0].Entered)
	assert.Len(t, o.changes[0].Events, 1)

	s.age(t, anna(), time.Hour)
	change := report(`"position_sec":1900`)
	assert.Equal(t, []int{0, 50}, []int{change.From, change.To})
	assert.False(t, change.Stale || change.Clamped || change.Entered || change.Completed)
	assert.True(t, report(`"position_sec":5`).Stale, "behind without a seek")
	assert.False(t, report(`"position_sec":5,"seeked":true`).Stale)
	s.age(t, anna(), time.Hour)
	change = report(`"position_sec":3600,"ended":true`)
	assert.True(t, change.Completed)
	assert.Len(t, change.Events, 2)
	assert.False(t, report(`"position_sec":3600`).Completed, "completed only once")

	before := len(o.changes)
	s.call(t, "POST", "/progress", `{"webinar_id":"never-entered","position_sec":5}`, page(anna()))
	s.call(t, "GET", "/session", "", page(anna()))
	assert.Len(t, o.changes, before, "nothing changed")
}
