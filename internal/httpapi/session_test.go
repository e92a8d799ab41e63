package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/httpapi"
)

// callers returns the two ways to call a route about a viewer: as the viewer, and
// with a service key.
func callers(v viewer) map[string]func(t testing.TB, s *site, method, route, body string) response {
	return map[string]func(t testing.TB, s *site, method, route, body string) response{
		"as the viewer": func(t testing.TB, s *site, method, route, body string) response {
			t.Helper()
			return s.call(t, method, route, body, page(v))
		},
		"with a service key": func(t testing.TB, s *site, method, route, body string) response {
			t.Helper()
			return s.call(t, method, fmt.Sprintf("/users/%d%s", v.id, route), body, asService())
		},
	}
}

// sessionWith returns a session of webinar intro, with these members instead of
// the initial ones.
func sessionWith(members string) string {
	all := `"session_id":"S","webinar_id":"intro","webinar_type":"auto","started_at":"T","server_time":"T",
		"live_offset_sec":"server_time - started_at","last_seen_at":"T","heartbeat_sec":10`
	for member, value := range map[string]string{
		"resume_position_sec": "0", "last_position_sec": "0", "furthest_sec": "0",
		"progress_percent": "0", "completed": "false", "cta_clicked_at": "null",
	} {
		if !strings.Contains(members, member) {
			all += fmt.Sprintf(",%q:%s", member, value)
		}
	}
	if members != "" {
		all += "," + members
	}
	return "{" + all + "}"
}

func TestVisitFromEnterToExit(t *testing.T) {
	t.Parallel()
	for name, call := range callers(anna()) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)

			res := call(t, s, "POST", "/enter", `{"webinar_id":"intro"}`)
			require.Equal(t, 201, res.status, string(res.raw))
			assert.JSONEq(t, sessionWith(""), res.session(t))
			id := res.json["session_id"].(string)
			assert.Equal(t, uuid.Version(7), uuid.MustParse(id).Version())

			res = call(t, s, "POST", "/enter", `{"webinar_id":"intro"}`)
			require.Equal(t, 200, res.status)
			assert.Equal(t, id, res.json["session_id"], "re-entry continues the session")

			res = call(t, s, "POST", "/progress", fmt.Sprintf(`{"session_id":%q,"position_sec":912.9}`, id))
			require.Equal(t, 200, res.status)
			assert.JSONEq(t, sessionWith(`"last_position_sec":912,"furthest_sec":912,"resume_position_sec":912,"progress_percent":25`), res.session(t))

			res = call(t, s, "POST", "/cta", `{"webinar_id":"intro"}`)
			require.Equal(t, 200, res.status)
			clicked := res.json["cta_clicked_at"]
			assert.NotNil(t, clicked)

			res = call(t, s, "POST", "/exit", fmt.Sprintf(`{"session_id":%q,"position_sec":100,"seeked":true,"leave_reason":"network_loss"}`, id))
			require.Equal(t, 200, res.status)
			left := sessionWith(`"last_position_sec":100,"furthest_sec":912,"resume_position_sec":100,"progress_percent":25,"cta_clicked_at":"T"`)
			assert.JSONEq(t, left, res.session(t))

			res = call(t, s, "POST", "/resume", "")
			require.Equal(t, 200, res.status)
			assert.JSONEq(t, left, res.session(t))

			res = call(t, s, "GET", "/session", "")
			require.Equal(t, 200, res.status)
			assert.JSONEq(t, left, res.session(t))
			assert.Equal(t, id, res.json["session_id"])
			assert.Equal(t, clicked, res.json["cta_clicked_at"])

			assert.Equal(t, []string{"entered", "left"}, eventTypes(s.outbox(t, anna())))
			assert.Empty(t, s.db.Meta(t, boris().id)["autowebinar_session_id"], "no rows of other viewers")
		})
	}
}

func eventTypes(events []string) []string {
	names := make([]string, len(events))
	for i, event := range events {
		names[i], _, _ = strings.Cut(event, " ")
	}
	return names
}

func TestWatchingToTheEndCompletesOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	end := `{"webinar_id":"intro","position_sec":3599,"ended":true}`
	for range 2 {
		res := s.call(t, "POST", "/progress", end, page(anna()))
		assert.JSONEq(t, sessionWith(`"last_position_sec":3600,"furthest_sec":3600,"resume_position_sec":0,"progress_percent":100,"completed":true`), res.session(t))
	}
	assert.Equal(t, []string{"entered", "completed", "attendance_classified"}, eventTypes(s.outbox(t, anna())))

	res := s.call(t, "POST", "/progress", `{"webinar_id":"intro","position_sec":50,"seeked":true}`, page(anna()))
	assert.EqualValues(t, 50, res.json["resume_position_sec"], "a second viewing can be resumed too")
	assert.EqualValues(t, 100, res.json["progress_percent"])
}

func TestMilestonesNeedDuration(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *httpapi.Config) { c.Rules.Durations = nil })
	s.enter(t, anna(), "7")
	res := s.call(t, "POST", "/progress", `{"webinar_id":"7","position_sec":500,"ended":true}`, page(anna()))
	assert.EqualValues(t, 0, res.json["progress_percent"])
	res = s.call(t, "POST", "/exit", `{"webinar_id":"7","position_sec":500,"duration_sec":1000.9}`, page(anna()))
	assert.EqualValues(t, 50, res.json["progress_percent"])
}

func TestSkippedPositionIsClamped(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *httpapi.Config) { c.Rules.MaxRate = 2 })
	s.enter(t, anna(), "intro")
	s.age(t, anna(), 100*time.Second)
	res := s.call(t, "POST", "/progress", `{"webinar_id":"intro","position_sec":150}`, page(anna()))
	assert.NotContains(t, res.json, "clamped")
	assert.EqualValues(t, 150, res.json["furthest_sec"])
	for _, route := range []string{"/progress", "/exit", "/cta"} {
		res = s.call(t, "POST", route, `{"webinar_id":"intro","position_sec":3600,"ended":true}`, page(anna()))
		assert.Equal(t, true, res.json["clamped"], route)
		assert.InDelta(t, 150, res.json["furthest_sec"], 15, route)
		assert.Equal(t, false, res.json["completed"], route)
	}
	res = s.call(t, "GET", "/session", "", page(anna()))
	assert.NotContains(t, res.json, "clamped")
}

func TestReportAppliesToNamedSession(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first := s.enter(t, anna(), "intro")
	second := s.enter(t, anna(), "pro")

	res := s.call(t, "POST", "/exit", fmt.Sprintf(`{"session_id":%q,"position_sec":60}`, first), page(anna()))
	assert.Equal(t, first, res.json["session_id"], "the last beacon of the previous page")
	assert.EqualValues(t, 60, res.json["last_position_sec"])

	res = s.call(t, "GET", "/session", "", page(anna()))
	assert.Equal(t, second, res.json["session_id"])
	assert.EqualValues(t, 0, res.json["last_position_sec"])
	res = s.call(t, "GET", "/session?webinar_id=intro", "", page(anna()))
	assert.Equal(t, first, res.json["session_id"], "reading does not make it current")

	res = s.call(t, "POST", "/resume", `{"webinar_id":"intro"}`, page(anna()))
	assert.Equal(t, first, res.json["session_id"])
	res = s.call(t, "GET", "/session", "", page(anna()))
	assert.Equal(t, first, res.json["session_id"])
}

func TestGetSessionWritesNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	s.enter(t, anna(), "pro")
	before := s.db.Meta(t, anna().id)
	for _, query := range []string{"", "?webinar_id=intro", "?webinar_id=pro"} {
		res := s.call(t, "GET", "/session"+query, "", page(anna()))
		assert.Equal(t, 200, res.status)
	}
	assert.Equal(t, before, s.db.Meta(t, anna().id))
}

func TestFirstClickIsKept(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	first := s.call(t, "POST", "/cta", `{"webinar_id":"intro"}`, page(anna()))
	s.age(t, anna(), time.Minute)
	aged := s.call(t, "GET", "/session", "", page(anna()))
	assert.NotEqual(t, first.json["cta_clicked_at"], aged.json["cta_clicked_at"])
	again := s.call(t, "POST", "/cta", `{"webinar_id":"intro","position_sec":30}`, page(anna()))
	assert.Equal(t, aged.json["cta_clicked_at"], again.json["cta_clicked_at"])
	assert.EqualValues(t, 30, again.json["last_position_sec"])
	assert.Equal(t, []string{"entered"}, eventTypes(s.outbox(t, anna())))
}

func TestSessionCreatedByPHP(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.db.SetMeta(t, 7, "autowebinar_session_id", "created by PHP")
	s.db.SetMeta(t, 7, "autowebinar_started_at", "not a time")
	s.db.SetMeta(t, 7, "autowebinar_last_position_sec", "77")

	unnamed := `{"session_id":"S","webinar_id":null,"webinar_type":"auto","started_at":null,"server_time":"T",
		"live_offset_sec":0,"resume_position_sec":77,"last_position_sec":77,"furthest_sec":77,"progress_percent":0,
		"completed":false,"cta_clicked_at":null,"last_seen_at":null,"heartbeat_sec":10}`
	res := s.call(t, "GET", "/session", "", page(anna()))
	assert.JSONEq(t, unnamed, res.session(t))
	assert.Equal(t, "created by PHP", res.json["session_id"])

	res = s.call(t, "POST", "/progress", `{"session_id":"created by PHP","position_sec":80}`, page(anna()))
	res.assertError(t, "400 rest_missing_callback_param", "webinar_id")
	res = s.call(t, "POST", "/form", `{"session_id":"created by PHP","form_id":"f","form_payload":{}}`, page(anna()))
	res.assertError(t, "400 rest_missing_callback_param", "webinar_id")

	res = s.call(t, "POST", "/progress", `{"session_id":"created by PHP","webinar_id":"intro","position_sec":80}`, page(anna()))
	assert.Equal(t, "intro", res.json["webinar_id"], "the first request that names a webinar assigns it")
	assert.Empty(t, s.outbox(t, anna()))
}
