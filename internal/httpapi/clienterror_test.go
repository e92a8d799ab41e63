package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/httpapi"
	"autowebinar/internal/webinar"
)

// reportBodies returns bodies of the routes that name a session, without its name.
func reportBodies() map[string]string {
	return map[string]string{
		"/progress": `"position_sec":1`,
		"/exit":     `"position_sec":1`,
		"/cta":      `"position_sec":1`,
		"/form":     `"form_id":"f","form_payload":{}`,
	}
}

func TestSessionMismatch(t *testing.T) {
	t.Parallel()
	s := setup(t)
	otherSession := s.enter(t, boris(), "intro")
	first := s.enter(t, anna(), "intro")
	second := s.enter(t, anna(), "pro")
	before := s.db.Meta(t, 7)
	for route, rest := range reportBodies() {
		for name, ref := range map[string]string{
			"another viewer's":   fmt.Sprintf(`"session_id":%q`, otherSession),
			"invented":           `"session_id":"no such session"`,
			"of another webinar": fmt.Sprintf(`"session_id":%q,"webinar_id":"pro"`, first),
			"of unknown webinar": fmt.Sprintf(`"session_id":%q,"webinar_id":"other"`, second),
		} {
			for _, call := range callers(anna()) {
				res := call(t, s, "POST", route, "{"+ref+","+rest+"}")
				res.assertError(t, "409 autowebinar_session_mismatch")
				current, ok := res.data()["session"].(map[string]any)
				require.True(t, ok, "%s %s: %s", route, name, res.raw)
				assert.Equal(t, second, current["session_id"], "the session to continue with")
				assert.NotContains(t, string(res.raw), otherSession)
			}
		}
		res := s.call(t, "POST", route, fmt.Sprintf(`{"session_id":%q,"webinar_id":"other",%s}`, second, rest), page(boris()))
		assert.Contains(t, string(res.raw), otherSession)
		assert.NotContains(t, string(res.raw), second)
	}
	assert.Equal(t, before, s.db.Meta(t, 7))
}

func TestViewerWithoutSession(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for route, rest := range reportBodies() {
		res := s.call(t, "POST", route, `{"session_id":"x",`+rest+`}`, page(anna()))
		res.assertError(t, "409 autowebinar_session_mismatch")
		assert.Equal(t, map[string]any{"status": 409., "session": nil}, res.data(), route)

		res = s.call(t, "POST", route, `{"webinar_id":"intro",`+rest+`}`, page(anna()))
		res.assertError(t, "404 autowebinar_no_session")
	}
	s.call(t, "POST", "/resume", "", page(anna())).assertError(t, "404 autowebinar_no_session")
	s.call(t, "GET", "/session", "", page(anna())).assertError(t, "404 autowebinar_no_session")
	s.call(t, "GET", "/session?webinar_id=other", "", page(anna())).assertError(t, "404 autowebinar_no_session")
	for _, id := range []string{"", "Intro", "a%00", "%C3%A9", "-"} {
		s.call(t, "GET", "/session?webinar_id="+id, "", page(anna())).assertError(t, invalidParam, "webinar_id")
	}
	assert.NotContains(t, s.db.Meta(t, 7), "autowebinar_session_id")
}

func TestUnknownUser(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, id := range []string{"99", "18446744073709551615"} {
		who := map[string]requestOption{
			"":             bearer(sign(map[string]any{"sub": id})),
			"/users/" + id: asService(),
		}
		for prefix, who := range who {
			s.call(t, "POST", prefix+"/enter", `{"webinar_id":"intro"}`, who).assertError(t, "404 autowebinar_unknown_user")
			s.call(t, "POST", prefix+"/resume", "", who).assertError(t, "404 autowebinar_unknown_user")
			s.call(t, "POST", prefix+"/register", `{"webinar_id":"intro","source":"s"}`, who).assertError(t, "404 autowebinar_unknown_user")
			s.call(t, "GET", prefix+"/session", "", who).assertError(t, "404 autowebinar_unknown_user")
			for route, rest := range reportBodies() {
				s.call(t, "POST", prefix+route, `{"webinar_id":"intro",`+rest+`}`, who).assertError(t, "404 autowebinar_unknown_user")
			}
		}
	}
}

func TestUserIDsInThePath(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for id, want := range map[string]string{
		"0": invalidParam, "007": invalidParam, "18446744073709551616": invalidParam, strings.Repeat("9", 400): invalidParam,
		"abc": "404 rest_no_route", "-7": "404 rest_no_route", "+7": "404 rest_no_route", "7.0": "404 rest_no_route",
		"7x": "404 rest_no_route", "%37": "404 rest_no_route", "7%2F": "404 rest_no_route", "me": "404 rest_no_route",
		"": "404 rest_no_route", "٧": "404 rest_no_route",
	} {
		res := s.call(t, "POST", "/users/"+id+"/enter", `{"webinar_id":"intro"}`, asService())
		assert.Equal(t, want, res.summary(), id)
		if want == invalidParam {
			assert.Equal(t, []string{"user_id"}, res.params(t))
		}
		res = s.call(t, "GET", "/users/"+id+"/session", "", asService())
		assert.Equal(t, want, res.summary(), id)
	}
}

func TestSessionAndRegistrationLimits(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *httpapi.Config) { c.Rules.Durations = nil })
	s.enter(t, anna(), "current")
	for i := range webinar.MaxParked {
		s.db.SetMeta(t, 7, fmt.Sprintf("autowebinar_session_id@w%d", i), fmt.Sprint("s", i))
		s.db.SetMeta(t, 7, fmt.Sprintf("autowebinar_webinar_id@w%d", i), fmt.Sprint("w", i))
	}
	for i := range webinar.MaxRegistrations {
		s.db.SetMeta(t, 7, fmt.Sprintf("autowebinar_registered@r%d", i), "2026-01-02 03:04:05")
	}
	for _, call := range callers(anna()) {
		call(t, s, "POST", "/enter", `{"webinar_id":"one-more"}`).assertError(t, "403 autowebinar_too_many")
		call(t, s, "POST", "/register", `{"webinar_id":"one-more","source":"s"}`).assertError(t, "403 autowebinar_too_many")
		assert.Equal(t, 200, call(t, s, "POST", "/enter", `{"webinar_id":"w7"}`).status, "an existing session may be entered")
		assert.Equal(t, 200, call(t, s, "POST", "/register", `{"webinar_id":"r7","source":"s"}`).status)
	}
}
