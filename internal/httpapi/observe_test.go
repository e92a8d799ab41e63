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

// witness notes what an observer is told.
type recordingObserver struct {
	mu      sync.Mutex
	lines   []string
	changes []httpapi.SessionChange
}

func (w *recordingObserver) record(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (w *recordingObserver) RequestDone(route string, status int, code string, _ time.Duration) {
	w.record("%q %d %s", route, status, code)
}
func (w *recordingObserver) LoggedIn(kind string)       { w.record("logged in: %s", kind) }
func (w *recordingObserver) LoginRefused(reason string) { w.record("refused: %s", reason) }
func (w *recordingObserver) SessionChanged(s httpapi.SessionChange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changes = append(w.changes, s)
}

// told gives what was noted since the last call, once there are so many lines:
// a request is counted after its answer.
func (w *recordingObserver) next(t *testing.T, n int) []string {
	t.Helper()
	assert.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.lines) >= n
	}, 10*time.Second, time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := w.lines
	w.lines = nil
	return lines
}

func setupObserved(t *testing.T, options ...func(*httpapi.Config)) (*site, *recordingObserver) {
	t.Helper()
	w := &recordingObserver{}
	return setup(t, slices.Concat(options, []func(*httpapi.Config){func(c *httpapi.Config) { c.Observer = w }})...), w
}

func TestObserverReceivesRequestsAndLogins(t *testing.T) {
	t.Parallel()
	s, w := setupObserved(t)
	for _, tt := range []struct {
		method, route string
		how           requestOption
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
		{"GET", "/session", both(loggedIn(anna()), nonce("0123456789")), []string{"refused: wrong_nonce", `"/session" 403 rest_cookie_invalid_nonce`}},
		{"GET", "/session", both(cookie(forgedCookie(anna())), nonce("0123456789")), []string{"refused: forged_cookie", `"/session" 401 rest_not_logged_in`}},
		{"GET", "/session", both(cookie("demo.user|1|x|y"), nonce("0123456789")), []string{"refused: malformed_cookie", `"/session" 401 rest_not_logged_in`}},
		{"GET", "/session", both(cookie(anna().cookieValue(time.Now().Add(-time.Minute))), nonce("0123456789")), []string{"refused: expired_cookie", `"/session" 401 rest_not_logged_in`}},
		{"GET", "/nothing/here", asService(), []string{`"" 404 rest_no_route`}},
		{"DELETE", "/session", asService(), []string{`"" 404 rest_no_route`}},
		{"GET", "/openapi.yaml", asService(), []string{`"/openapi.yaml" 200`}},
	} {
		body := ""
		if tt.method == "POST" {
			body = `{"webinar_id":"intro"}`
		}
		s.call(t, tt.method, tt.route, body, tt.how)
		assert.Equal(t, tt.want, w.next(t, len(tt.want)), "%s %s", tt.method, tt.route)
	}
}

func TestObserverReceivesSessionChanges(t *testing.T) {
	t.Parallel()
	s, w := setupObserved(t)
	session := s.enter(t, anna(), "intro")
	report := func(members string) httpapi.SessionChange {
		s.call(t, "POST", "/progress", `{"session_id":"`+session+`",`+members+`}`, page(anna()))
		step := w.changes[len(w.changes)-1]
		assert.EqualValues(t, session, step.Session)
		assert.True(t, step.Reported)
		return step
	}
	require.Len(t, w.changes, 1)
	assert.True(t, w.changes[0].Entered)
	assert.Len(t, w.changes[0].Events, 1)

	s.age(t, anna(), time.Hour)
	step := report(`"position_sec":1900`)
	assert.Equal(t, []int{0, 50}, []int{step.From, step.To})
	assert.False(t, step.Stale || step.Clamped || step.Entered || step.Completed)
	assert.True(t, report(`"position_sec":5`).Stale, "behind, and no seek")
	assert.False(t, report(`"position_sec":5,"seeked":true`).Stale)
	s.age(t, anna(), time.Hour)
	step = report(`"position_sec":3600,"ended":true`)
	assert.True(t, step.Completed)
	assert.Len(t, step.Events, 2)
	assert.False(t, report(`"position_sec":3600`).Completed, "once")

	told := len(w.changes)
	s.call(t, "POST", "/progress", `{"webinar_id":"never-entered","position_sec":5}`, page(anna()))
	s.call(t, "GET", "/session", "", page(anna()))
	assert.Len(t, w.changes, told, "nothing was changed")
}
