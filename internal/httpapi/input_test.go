package httpapi_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPositionsAreRoundedDown(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	for number, want := range map[string]float64{
		"0": 0, "-0": 0, "-0.0": 0, "0.999": 0, "1.9999999": 1, "1e2": 100, "12.5E1": 125, "1e-400": 0, "3599": 3599,
		"604800": 3600, "604799.99": 3600,
	} {
		res := s.call(t, "POST", "/progress", `{"webinar_id":"intro","seeked":true,"position_sec":`+number+`}`, page(anna()))
		assert.Equal(t, 200, res.status, number)
		assert.InDelta(t, want, res.json["last_position_sec"], 0, number)
	}
}

func TestUnknownMembersAndParametersAreIgnored(t *testing.T) {
	t.Parallel()
	s := setup(t)
	res := s.call(t, "POST", "/enter?webinar_id=pro&position_sec=x&_fields=id&_envelope=1&_jsonp="+canary,
		`{"webinar_id":"intro","WEBINAR_ID":7,"user_id":8,"session_id":{"a":[]},"x":"`+canary+`","__proto__":null,"":1}`, page(anna()))
	assert.Equal(t, 201, res.status)
	assert.Equal(t, "intro", res.json["webinar_id"])
	assert.Empty(t, s.db.Meta(t, 8)["autowebinar_session_id"])
}

func TestNullCountsAsAbsent(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	for route, body := range map[string]string{
		"/resume":   `{"webinar_id":null}`,
		"/cta":      `{"webinar_id":"intro","session_id":null,"position_sec":null}`,
		"/progress": `{"webinar_id":"intro","session_id":null,"position_sec":5,"duration_sec":null,"ended":null,"seeked":null}`,
		"/exit":     `{"webinar_id":"intro","position_sec":null,"leave_reason":null}`,
	} {
		assert.Equal(t, 200, s.call(t, "POST", route, body, page(anna())).status, route)
	}
	res := s.call(t, "POST", "/attendance", `{"user_ids":[7],"webinar_id":null,"evaluation_id":null}`, asService())
	assert.Equal(t, 200, res.status)
}

func TestLastOfDuplicateMembersCounts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	res := s.call(t, "POST", "/enter", `{"webinar_id":7,"webinar_id":"pro","webinar_\u0069d":"intro"}`, page(anna()))
	assert.Equal(t, 201, res.status)
	assert.Equal(t, "intro", res.json["webinar_id"], "like JSON.parse and PHP")
}

func TestTextsAtTheirLimits(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for i, source := range []string{
		"x", strings.Repeat("😀", 200), " ", `\u2028 <script>'\"`, `\ud800`, "O:8:\\\"stdClass\\\":0:{}", "a|b%7Cc@d",
	} {
		id := strings.Repeat("a", i+1)
		res := s.call(t, "POST", "/register", `{"webinar_id":"`+id+`","webinar_type":"live","source":"`+source+`"}`, page(anna()))
		assert.Equal(t, 201, res.status, "%s: %s", source, res.raw)
	}
	res := s.call(t, "POST", "/register", `{"webinar_id":"`+strings.Repeat("9", 64)+`","webinar_type":"live","source":"x"}`, page(anna()))
	assert.Equal(t, 201, res.status)
}
