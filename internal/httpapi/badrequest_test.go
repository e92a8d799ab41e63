package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const (
	invalidJSON  = "400 rest_invalid_json"
	missingParam = "400 rest_missing_callback_param"
	invalidParam = "400 rest_invalid_param"
)

// badRequest is a request body and the error that it causes.
type badRequest struct {
	route, body string
	want        string
	params      []string
}

// checkBadRequests sends each request as the viewer and with a service key, and
// checks that nothing was stored or sent.
func checkBadRequests(t *testing.T, requests map[string]badRequest) {
	t.Helper()
	s := setup(t)
	s.db.SetMeta(t, 7, leadKey, "L-1")
	s.enter(t, anna(), "intro")
	before := s.db.Meta(t, 7)
	for name, r := range requests {
		s.call(t, "POST", "/users/7"+r.route, r.body, asService()).assertError(t, r.want, r.params...)
		res := s.call(t, "POST", r.route, r.body, page(anna()))
		if !assert.Equal(t, r.want, res.summary(), "%s: %s", name, res.raw) || !assert.Equal(t, r.params, res.params(t), name) {
			continue
		}
		assert.NotEmpty(t, res.header.Get("X-WP-Nonce"), "errors after a login have a nonce too")
	}
	assert.Equal(t, before, s.db.Meta(t, 7))
	assert.Empty(t, s.receiver.accepted)
}

func TestBodyMustBeJSONObject(t *testing.T) {
	t.Parallel()
	requests := map[string]badRequest{}
	for name, body := range map[string]string{
		"an array":          `[{"webinar_id":"intro"}]`,
		"a string":          `"intro"`,
		"a number":          `7`,
		"null":              `null`,
		"true":              `true`,
		"cut short":         `{"webinar_id":"intro"`,
		"trailing data":     `{"webinar_id":"intro"} {}`,
		"a trailing comma":  `{"webinar_id":"intro",}`,
		"a comment":         `{"webinar_id":"intro"} // go`,
		"single quotes":     `{'webinar_id':'intro'}`,
		"a form":            `webinar_id=intro`,
		"a byte order mark": "\ufeff" + `{"webinar_id":"intro"}`,
		"UTF-16":            "{\x00\"\x00w\x00",
		"invalid UTF-8":     `{"webinar_id":"intro","source":"` + "\xff" + `"}`,
		"half a character":  `{"webinar_id":"intro","source":"` + "\xd0" + `"}`,
		"a raw control":     `{"webinar_id":"intro","source":"` + "\x01" + `"}`,
		"NaN":               `{"webinar_id":"intro","position_sec":NaN}`,
		"Infinity":          `{"webinar_id":"intro","position_sec":Infinity}`,
		"hexadecimal":       `{"webinar_id":"intro","position_sec":0x10}`,
		"a leading zero":    `{"webinar_id":"intro","position_sec":010}`,
		"unclosed nesting":  `{"webinar_id":"intro","x":` + strings.Repeat("[", 12_000) + `}`,
	} {
		requests[name] = badRequest{"/progress", body, invalidJSON, nil}
	}
	deep := strings.Repeat(`[`, 15_000) + strings.Repeat(`]`, 15_000)
	requests["nested too deeply"] = badRequest{"/form", `{"webinar_id":"intro","form_id":"f","form_payload":{"a":` + deep + `}}`, invalidJSON, nil}
	checkBadRequests(t, requests)
}

func TestMissingMembers(t *testing.T) {
	t.Parallel()
	both := []string{"session_id", "webinar_id"}
	checkBadRequests(t, map[string]badRequest{
		"no body":                     {"/enter", "", missingParam, []string{"webinar_id"}},
		"white space":                 {"/enter", " \r\n\t ", missingParam, []string{"webinar_id"}},
		"an empty object":             {"/enter", "{}", missingParam, []string{"webinar_id"}},
		"null":                        {"/enter", `{"webinar_id":null}`, missingParam, []string{"webinar_id"}},
		"another case":                {"/enter", `{"Webinar_ID":"intro"}`, missingParam, []string{"webinar_id"}},
		"inside another":              {"/enter", `{"data":{"webinar_id":"intro"}}`, missingParam, []string{"webinar_id"}},
		"progress: session":           {"/progress", `{"position_sec":1}`, missingParam, both},
		"progress: session null":      {"/progress", `{"position_sec":1,"session_id":null,"webinar_id":null}`, missingParam, both},
		"progress: position":          {"/progress", `{"webinar_id":"intro"}`, missingParam, []string{"position_sec"}},
		"progress: position is null":  {"/progress", `{"webinar_id":"intro","position_sec":null}`, missingParam, []string{"position_sec"}},
		"progress: all":               {"/progress", `{}`, missingParam, append(both, "position_sec")},
		"exit: session":               {"/exit", `{"position_sec":1}`, missingParam, both},
		"cta: session":                {"/cta", ``, missingParam, both},
		"register: all":               {"/register", `{}`, missingParam, []string{"webinar_id", "source"}},
		"register: source":            {"/register", `{"webinar_id":"intro"}`, missingParam, []string{"source"}},
		"form: all":                   {"/form", `{}`, missingParam, append(both, "form_id", "form_payload")},
		"form: payload":               {"/form", `{"webinar_id":"intro","form_id":"f"}`, missingParam, []string{"form_payload"}},
		"missing before invalid":      {"/register", `{"webinar_id":7}`, missingParam, []string{"source"}},
		"resume: an unlisted webinar": {"/resume", `{"webinar_id":"no"}`, "404 autowebinar_no_session", nil},
	})
}

func TestInvalidNumbers(t *testing.T) {
	t.Parallel()
	requests := map[string]badRequest{}
	for name, number := range map[string]string{
		"a string": `"7"`, "an empty string": `""`, "true": "true", "an object": "{}", "a list": "[7]",
		"negative": "-1", "slightly negative": "-0.001", "too large": "604801", "slightly too large": "604800.5",
		"huge": "1e300", "out of range": "1e999", "negative and huge": "-1e999", "milliseconds": "1795290122000",
	} {
		for _, member := range []string{"position_sec", "duration_sec"} {
			body := fmt.Sprintf(`{"webinar_id":"intro",%q:%s}`, member, number)
			requests["exit: "+member+": "+name] = badRequest{"/exit", body, invalidParam, []string{member}}
		}
		body := fmt.Sprintf(`{"webinar_id":"intro","position_sec":%s}`, number)
		requests["progress: "+name] = badRequest{"/progress", body, invalidParam, []string{"position_sec"}}
		requests["cta: "+name] = badRequest{"/cta", body, invalidParam, []string{"position_sec"}}
	}
	checkBadRequests(t, requests)
}

func TestInvalidMembers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("я", 201)
	requests := map[string]badRequest{
		"flags":          {"/progress", `{"webinar_id":"intro","position_sec":1,"ended":1,"seeked":"true"}`, invalidParam, []string{"ended", "seeked"}},
		"all at once":    {"/exit", `{"webinar_id":"","position_sec":-1,"ended":0,"leave_reason":""}`, invalidParam, []string{"ended", "leave_reason", "position_sec", "webinar_id"}},
		"leave reason":   {"/exit", `{"webinar_id":"intro","leave_reason":"bored"}`, invalidParam, []string{"leave_reason"}},
		"reason type":    {"/exit", `{"webinar_id":"intro","leave_reason":{}}`, invalidParam, []string{"leave_reason"}},
		"webinar type":   {"/register", `{"webinar_id":"intro","source":"s","webinar_type":"Live"}`, invalidParam, []string{"webinar_type"}},
		"slot of auto":   {"/register", `{"webinar_id":"intro","source":"s","slot_id":"1"}`, invalidParam, []string{"slot_id"}},
		"slot too long":  {"/register", `{"webinar_id":"x","source":"s","webinar_type":"live","slot_id":"` + long + `"}`, invalidParam, []string{"slot_id"}},
		"unlisted":       {"/enter", `{"webinar_id":"other"}`, invalidParam, []string{"webinar_id"}},
		"unlisted, auto": {"/register", `{"webinar_id":"other","source":"s"}`, invalidParam, []string{"webinar_id"}},
		"payload list":   {"/form", `{"webinar_id":"intro","form_id":"f","form_payload":[]}`, invalidParam, []string{"form_payload"}},
		"payload string": {"/form", `{"webinar_id":"intro","form_id":"f","form_payload":"{}"}`, invalidParam, []string{"form_payload"}},
		"not a UUID":     {"/form", `{"webinar_id":"intro","form_id":"f","form_payload":{},"submission_id":"1"}`, invalidParam, []string{"submission_id"}},
		"braced UUID":    {"/form", `{"webinar_id":"intro","form_id":"f","form_payload":{},"submission_id":"{` + submissionID + `}"}`, invalidParam, []string{"submission_id"}},
		"UUID as number": {"/form", `{"webinar_id":"intro","form_id":"f","form_payload":{},"submission_id":7}`, invalidParam, []string{"submission_id"}},
		"session number": {"/cta", `{"session_id":7}`, invalidParam, []string{"session_id"}},
		"session empty":  {"/cta", `{"session_id":""}`, invalidParam, []string{"session_id"}},
		"session long":   {"/cta", `{"session_id":"` + long + `","webinar_id":"intro"}`, invalidParam, []string{"session_id"}},
	}
	for _, id := range []string{`""`, `7`, `["intro"]`, `"Intro"`, `"-a"`, `"a b"`, `"a/b"`, `"a@b"`, `"a\n"`, `"é"`, `"` + strings.Repeat("a", 65) + `"`} {
		requests["webinar id "+id] = badRequest{"/enter", `{"webinar_id":` + id + `}`, invalidParam, []string{"webinar_id"}}
	}
	for name, text := range map[string]string{
		"empty": "", "too long": long, "a line break": `a\nb`, "a tab": `\t`, "NUL": `\u0000`, "DEL": `\u007f`, "C1": `\u0085`,
	} {
		requests["source: "+name] = badRequest{"/register", `{"webinar_id":"intro","source":"` + text + `"}`, invalidParam, []string{"source"}}
		requests["form id: "+name] = badRequest{"/form", `{"webinar_id":"intro","form_payload":{},"form_id":"` + text + `"}`, invalidParam, []string{"form_id"}}
	}
	checkBadRequests(t, requests)
}
