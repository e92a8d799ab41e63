package httpapi_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

const evaluationID = "0d5c1b1e-52f5-4d0e-9a35-0f7f6a5f6c11"

func TestAttendanceOfSeveralViewers(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const carol, dave = 9, 10
	s.db.AddUser(t, carol, "carol", "x")
	s.db.AddUser(t, dave, "dave", "x")
	s.db.SetMeta(t, dave, "autowebinar_session_id", "created by PHP, of an unknown webinar")
	session := s.enter(t, anna(), "intro")
	s.enter(t, boris(), "intro")
	s.call(t, "POST", "/progress", `{"webinar_id":"intro","position_sec":3600}`, page(anna()))

	body := fmt.Sprintf(`{"user_ids":[7,8,7,%d,%d,%d,18446744073709551615,7],"evaluation_id":%q}`, carol, dave, unknownID, evaluationID)
	want := []any{
		map[string]any{"user_id": 7., "result": "classified", "attended": true},
		map[string]any{"user_id": 8., "result": "classified", "attended": false},
		map[string]any{"user_id": 9., "result": "not_entered"},
		map[string]any{"user_id": 10., "result": "not_entered"},
		map[string]any{"user_id": 99., "result": "unknown_user"},
		map[string]any{"user_id": 18446744073709551615., "result": "unknown_user"},
	}
	for range 2 {
		res := s.call(t, "POST", "/attendance", body, asService())
		require.Equal(t, 200, res.status, string(res.raw))
		assert.Len(t, res.json, 2)
		assert.Equal(t, evaluationID, res.json["evaluation_id"])
		assert.ElementsMatch(t, want, res.json["results"])
	}
	id := webinar.EventID(webinar.EventAttendanceClassified, 7, session, evaluationID).String()
	events := s.outbox(t, anna())
	assert.Equal(t, []string{"entered", "completed", "attendance_classified", "attendance_classified"}, eventTypes(events)[:4])
	for _, event := range events[3:] {
		assert.Equal(t, "attendance_classified "+id, event, "a repeat has the same id")
	}
	assert.Equal(t, []string{"entered", "attendance_classified"}, eventTypes(s.outbox(t, boris()))[:2])
}

func TestAttendanceOfParkedSession(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first := s.enter(t, anna(), "intro")
	s.enter(t, anna(), "pro")
	res := s.call(t, "POST", "/attendance", `{"user_ids":[7,8],"webinar_id":"intro"}`, asService())
	require.Equal(t, 200, res.status)
	evaluation := uuid.MustParse(res.json["evaluation_id"].(string))
	assert.Equal(t, []any{
		map[string]any{"user_id": 7., "result": "classified", "attended": false},
		map[string]any{"user_id": 8., "result": "not_entered"},
	}, res.json["results"])
	events := s.outbox(t, anna())
	assert.Equal(t, "attendance_classified "+webinar.EventID(webinar.EventAttendanceClassified, 7, first, evaluation.String()).String(), events[len(events)-1])

	other := s.call(t, "POST", "/attendance", `{"user_ids":[7]}`, asService())
	assert.NotEqual(t, res.json["evaluation_id"], other.json["evaluation_id"], "each evaluation has its own events")
}

func TestAttendanceLimitOf1000Users(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ids := "7"
	for id := 10_001; id < 11_000; id++ {
		ids += fmt.Sprintf(",%d", id)
	}
	res := s.call(t, "POST", "/attendance", `{"user_ids":[`+ids+`]}`, asService())
	require.Equal(t, 200, res.status)
	assert.Len(t, res.json["results"], 1000)
	res = s.call(t, "POST", "/attendance", `{"user_ids":[`+ids+`,5]}`, asService())
	res.assertError(t, "400 rest_invalid_param", "user_ids")
}

func TestInvalidAttendanceMembers(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	before := s.db.Meta(t, 7)
	for body, want := range map[string][]string{
		`{}`:                                   {"user_ids"},
		`{"user_ids":null}`:                    {"user_ids"},
		`{"user_ids":[]}`:                      {"user_ids"},
		`{"user_ids":7}`:                       {"user_ids"},
		`{"user_ids":{}}`:                      {"user_ids"},
		`{"user_ids":["7"]}`:                   {"user_ids"},
		`{"user_ids":[7,0]}`:                   {"user_ids"},
		`{"user_ids":[7,-1]}`:                  {"user_ids"},
		`{"user_ids":[7,null]}`:                {"user_ids"},
		`{"user_ids":[7.5]}`:                   {"user_ids"},
		`{"user_ids":[[7]]}`:                   {"user_ids"},
		`{"user_ids":[99999999999999999999]}`:  {"user_ids"},
		`{"user_ids":[7],"webinar_id":7}`:      {"webinar_id"},
		`{"user_ids":[7],"webinar_id":""}`:     {"webinar_id"},
		`{"user_ids":[7],"evaluation_id":"1"}`: {"evaluation_id"},
		`{"user_ids":[0],"webinar_id":"A","evaluation_id":7}`: {"evaluation_id", "user_ids", "webinar_id"},
	} {
		res := s.call(t, "POST", "/attendance", body, asService())
		assert.Equal(t, 400, res.status, body)
		assert.Equal(t, want, res.params(t), body)
	}
	assert.Equal(t, before, s.db.Meta(t, 7))
}
