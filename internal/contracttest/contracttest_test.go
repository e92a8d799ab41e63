package contracttest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// failureRecorder is a testing.TB that records failures instead of reporting them.
type failureRecorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (r *failureRecorder) Helper() {}

func (r *failureRecorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// exchange is a test case: a request, the response of the server and the failure
// that Transport reports.
type exchange struct {
	name        string
	method, url string
	reqHeader   http.Header
	reqBody     string
	status      int
	resHeader   http.Header
	resBody     string
	wantFailure string // part of the failure; empty if the exchange is valid
}

// run sends the exchange through Transport to a real server, as tests do.
func (e exchange) run(t *testing.T) []string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, e.reqBody, string(body), "the request was modified")
		w.Header().Set("X-Request-Id", "r-1")
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		for name, values := range e.resHeader {
			w.Header()[name] = values
		}
		w.WriteHeader(e.status)
		_, _ = io.WriteString(w, e.resBody)
	}))
	defer server.Close()

	req, err := http.NewRequestWithContext(t.Context(), e.method, server.URL+e.url, strings.NewReader(e.reqBody))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	for name, values := range e.reqHeader {
		req.Header[name] = values
	}
	recorder := &failureRecorder{TB: t}
	res, err := (&http.Client{Transport: Transport(recorder, nil)}).Do(req)
	require.NoError(t, err)
	defer func() { assert.NoError(t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	if e.method != http.MethodHead {
		assert.Equal(t, e.resBody, string(body), "the response was modified")
	}
	return recorder.failures
}

func runAll(t *testing.T, exchanges []exchange) {
	t.Parallel()
	for _, e := range exchanges {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			failures := e.run(t)
			if e.wantFailure == "" {
				assert.Empty(t, failures)
				return
			}
			require.Len(t, failures, 1)
			assert.Contains(t, failures[0], e.wantFailure)
		})
	}
}

const (
	base    = "/wp-json/autowebinar/v1"
	noRoute = `{"code":"rest_no_route","message":"No route was found.","data":{"status":404}}`
	report  = `{"session_id":"s-1","position_sec":12.5}`
)

// session returns a valid Session after replacing pairs of strings.
func session(oldnew ...string) string {
	const body = `{"session_id":"s-1","webinar_id":"intro","webinar_type":"auto",` +
		`"started_at":"2026-11-21T19:00:00Z","server_time":"2026-11-21T19:00:12Z","live_offset_sec":12,` +
		`"resume_position_sec":12,"last_position_sec":12,"furthest_sec":12,"progress_percent":0,"completed":false,` +
		`"cta_clicked_at":null,"last_seen_at":"2026-11-21T19:00:12Z","heartbeat_sec":10}`
	return strings.NewReplacer(oldnew...).Replace(body)
}

func failure(code string, status int) string {
	return fmt.Sprintf(`{"code":%q,"message":"m","data":{"status":%d}}`, code, status)
}

func TestDocumentedExchangesPass(t *testing.T) {
	runAll(t, []exchange{
		{name: "a report", method: "POST", url: base + "/progress", reqBody: report, status: 200, resBody: session()},
		{name: "a session made by PHP", method: "GET", url: base + "/session", status: 200,
			resBody: session(`"webinar_id":"intro"`, `"webinar_id":null`, `"2026-11-21T19:00:00Z"`, `null`)},
		{name: "a cut report", method: "POST", url: base + "/progress", reqBody: report, status: 200,
			resBody: session(`"heartbeat_sec":10`, `"heartbeat_sec":10,"clamped":true`)},
		{name: "on behalf of a viewer", method: "POST", url: base + "/users/42/enter",
			reqBody: `{"webinar_id":"intro"}`, status: 201, resBody: session()},
		{name: "resume without a body", method: "POST", url: base + "/resume", status: 200, resBody: session()},
		{name: "a refused request is not checked", method: "POST", url: base + "/enter", reqBody: `{"webinar_id":7}`,
			status:  400,
			resBody: `{"code":"rest_invalid_param","message":"m","data":{"status":400,"params":{"webinar_id":"m"}}}`},
		{name: "no current session", method: "POST", url: base + "/exit", reqBody: report, status: 409,
			resBody: `{"code":"autowebinar_session_mismatch","message":"m","data":{"status":409,"session":null}}`},
		{name: "another current session", method: "POST", url: base + "/exit", reqBody: report, status: 409,
			resBody: `{"code":"autowebinar_session_mismatch","message":"m","data":{"status":409,"session":` + session() + `}}`},
		{name: "wait", method: "POST", url: base + "/cta", reqBody: report, status: 429,
			resHeader: http.Header{"Retry-After": {"3"}}, resBody: failure("autowebinar_too_many_requests", 429)},
		{name: "evaluation", method: "POST", url: base + "/attendance", reqBody: `{"user_ids":[1,2]}`, status: 200,
			resBody: `{"evaluation_id":"0d5c1b1e-52f5-4d0e-9a35-0f7f6a5f6c11","results":` +
				`[{"user_id":1,"result":"classified","attended":false},{"user_id":2,"result":"not_entered"}]}`},
		{name: "a request id of digits, and a nonce", method: "GET", url: base + "/session", status: 200,
			resBody: session(), resHeader: http.Header{"X-Request-Id": {"123"}, "X-Wp-Nonce": {"7d6f09bf59"}}},
		{name: "a file that has not changed", method: "GET", url: base + "/openapi.yaml", status: 304,
			resHeader: http.Header{"Content-Type": nil}},
		{name: "a file", method: "GET", url: base + "/player.js", status: 200, resBody: "export {}",
			resHeader: http.Header{"Content-Type": {"text/javascript; charset=utf-8"}, "Etag": {`"5f2c"`}}},
		{name: "a preflight", method: "OPTIONS", url: base + "/enter", status: 204,
			reqHeader: http.Header{"Access-Control-Request-Method": {"POST"}}},
	})
}

func TestAliasesPass(t *testing.T) {
	runAll(t, []exchange{
		{name: "another base path", method: "POST", url: "/blog/wp-json/autowebinar/v1/progress", reqBody: report,
			status: 200, resBody: session()},
		{name: "a base path of another name", method: "POST", url: "/api/users/42/progress", reqBody: report,
			status: 200, resBody: session()},
		{name: "no base path", method: "GET", url: "/session/", status: 200, resBody: session()},
		{name: "plain permalinks", method: "POST", url: "/?rest_route=/autowebinar/v1/progress&_locale=user",
			reqBody: report, status: 200, resBody: session()},
		{name: "plain permalinks, encoded", method: "GET",
			url: "/index.php?rest_route=%2Fautowebinar%2Fv1%2Fsession&webinar_id=intro", status: 200, resBody: session()},
		{name: "a trailing slash", method: "POST", url: base + "/users/42/progress/", reqBody: report, status: 200,
			resBody: session()},
		{name: "method override in a header", method: "POST", url: base + "/session", status: 200, resBody: session(),
			reqHeader: http.Header{"X-Http-Method-Override": {"get"}}},
		{name: "method override in the query wins", method: "POST", url: base + "/session?_method=GET", status: 200,
			resBody: session(), reqHeader: http.Header{"X-Http-Method-Override": {"PUT"}}},
		{name: "HEAD", method: "HEAD", url: base + "/session", status: 200},
		{name: "a beacon", method: "POST", url: base + "/exit?_wpnonce=7d6f09bf59", reqBody: report, status: 200,
			reqHeader: http.Header{"Content-Type": {"text/plain;charset=UTF-8"}}, resBody: session()},
		{name: "a body of no type", method: "POST", url: base + "/exit", reqBody: report, status: 200,
			reqHeader: http.Header{"Content-Type": nil}, resBody: session()},
		{name: "another JSON type", method: "POST", url: base + "/exit", reqBody: report, status: 200,
			reqHeader: http.Header{"Content-Type": {"application/problem+json"}}, resBody: session()},
	})
}

func TestNoRoutePassesOnlyOnUndocumentedRoutes(t *testing.T) {
	runAll(t, []exchange{
		{name: "unknown path", method: "GET", url: base + "/nothing", status: 404, resBody: noRoute},
		{name: "known path, other method", method: "PUT", url: base + "/enter", status: 404, resBody: noRoute},
		{name: "known path, overridden method", method: "POST", url: base + "/enter?_method=DELETE", status: 404,
			resBody: noRoute},
		{name: "two trailing slashes", method: "POST", url: base + "/enter//", status: 404, resBody: noRoute},
		{name: "not a user id", method: "GET", url: base + "/users/me/session", status: 404, resBody: noRoute},
		{name: "a base path that is not configured", method: "GET", url: "//wp-json/autowebinar/v1/session",
			status: 404, resBody: noRoute},
		{name: "outside", method: "GET", url: "/", status: 404, resBody: noRoute},
		{name: "documented", method: "GET", url: base + "/session", status: 404, resBody: noRoute,
			wantFailure: "autowebinar_no_session"},
		{name: "an unknown path with status 200", method: "GET", url: base + "/nothing", status: 200, resBody: `{}`,
			wantFailure: "GET /wp-json/autowebinar/v1/nothing is not documented"},
		{name: "an undocumented method with status 200", method: "DELETE", url: base + "/session", status: 200, resBody: session(),
			wantFailure: "DELETE /wp-json/autowebinar/v1/session is not documented"},
		{name: "another 404", method: "GET", url: base + "/nothing", status: 404, resBody: "404 page not found",
			wantFailure: "only 404 rest_no_route"},
		{name: "OPTIONS that is no preflight", method: "OPTIONS", url: base + "/enter", status: 204,
			wantFailure: "is not documented"},
	})
}

func TestViolationsFail(t *testing.T) {
	runAll(t, []exchange{
		{name: "undocumented status", method: "POST", url: base + "/enter", reqBody: `{"webinar_id":"intro"}`,
			status: 409, resBody: failure("autowebinar_session_mismatch", 409),
			wantFailure: "status 409 is not documented for POST /enter"},
		{name: "undocumented status on behalf", method: "GET", url: base + "/users/42/session", status: 415,
			resBody:     failure("autowebinar_unsupported_media_type", 415),
			wantFailure: "status 415 is not documented for GET /users/{user_id}/session"},
		{name: "undocumented status of HEAD", method: "HEAD", url: base + "/session", status: 413,
			wantFailure: "status 413 is not documented for GET /session"},
		{name: "undocumented member of a Session", method: "POST", url: base + "/progress", reqBody: report,
			status: 200, resBody: session(`"heartbeat_sec":10`, `"heartbeat_sec":10,"lead_id":"L-1"`),
			wantFailure: "lead_id"},
		{name: "clamped: false is left out", method: "POST", url: base + "/progress", reqBody: report, status: 200,
			resBody: session(`"heartbeat_sec":10`, `"heartbeat_sec":10,"clamped":false`), wantFailure: "clamped"},
		{name: "missing member of a Session", method: "POST", url: base + "/progress", reqBody: report, status: 200,
			resBody: session(`"cta_clicked_at":null,`, ``), wantFailure: "cta_clicked_at"},
		{name: "wrong type", method: "POST", url: base + "/progress", reqBody: report, status: 200,
			resBody: session(`"furthest_sec":12`, `"furthest_sec":"12"`), wantFailure: "furthest_sec"},
		{name: "a fraction", method: "POST", url: base + "/progress", reqBody: report, status: 200,
			resBody: session(`"furthest_sec":12`, `"furthest_sec":12.5`), wantFailure: "furthest_sec"},
		{name: "a percent between the marks", method: "POST", url: base + "/progress", reqBody: report, status: 200,
			resBody: session(`"progress_percent":0`, `"progress_percent":33`), wantFailure: "progress_percent"},
		{name: "a time with a fraction", method: "POST", url: base + "/progress", reqBody: report, status: 200,
			resBody: session(`19:00:00Z`, `19:00:00.5Z`), wantFailure: "started_at"},
		{name: "an empty 200", method: "POST", url: base + "/exit", reqBody: report, status: 200, wantFailure: "empty"},
		{name: "not JSON", method: "POST", url: base + "/exit", reqBody: report, status: 200, resBody: "ok",
			resHeader: http.Header{"Content-Type": {"text/plain"}}, wantFailure: `"text/plain" is not documented`},
		{name: "no request id", method: "GET", url: base + "/session", status: 200, resBody: session(),
			resHeader: http.Header{"X-Request-Id": nil}, wantFailure: "X-Request-Id"},
		{name: "no Retry-After", method: "POST", url: base + "/form", reqBody: `{}`, status: 503,
			resBody:     `{"code":"autowebinar_unavailable","message":"m","data":{"status":503,"request_id":"r-1"}}`,
			wantFailure: "Retry-After"},
		{name: "a Retry-After that is no number", method: "POST", url: base + "/cta", reqBody: report, status: 429,
			resHeader: http.Header{"Retry-After": {"soon"}}, resBody: failure("autowebinar_too_many_requests", 429),
			wantFailure: "Retry-After"},
		{name: "a Retry-After of nothing", method: "POST", url: base + "/cta", reqBody: report, status: 429,
			resHeader: http.Header{"Retry-After": {""}}, resBody: failure("autowebinar_too_many_requests", 429),
			wantFailure: "Retry-After"},
		{name: "a nonce that is none", method: "GET", url: base + "/session", status: 200, resBody: session(),
			resHeader: http.Header{"X-Wp-Nonce": {"-1"}}, wantFailure: "X-WP-Nonce"},
		{name: "null", method: "POST", url: base + "/exit", reqBody: report, status: 200, resBody: "null",
			wantFailure: "empty"},
		{name: "a truncated body", method: "GET", url: base + "/session", status: 200, resBody: session()[:40],
			wantFailure: "response body"},
		{name: "an accepted null", method: "POST", url: base + "/enter", reqBody: "null", status: 201,
			resBody: session(), wantFailure: "the request was accepted"},
		{name: "a code of another status", method: "GET", url: base + "/session", status: 401,
			resBody: failure("rest_forbidden", 401), wantFailure: "rest_not_logged_in"},
		{name: "a status in the body that differs from the response's", method: "GET", url: base + "/session", status: 401,
			resBody: failure("rest_not_logged_in", 403), wantFailure: "401"},
		{name: "an accepted request that is forbidden", method: "POST", url: base + "/progress",
			reqBody: `{"session_id":"s-1","position_sec":"12"}`, status: 200, resBody: session(),
			wantFailure: "the request was accepted"},
		{name: "an accepted request of no session", method: "POST", url: base + "/progress",
			reqBody: `{"position_sec":12}`, status: 200, resBody: session(), wantFailure: "the request was accepted"},
		{name: "an accepted beacon that is forbidden", method: "POST", url: base + "/exit",
			reqHeader: http.Header{"Content-Type": {"text/plain"}}, reqBody: `{"position_sec":-1,"session_id":"s"}`,
			status: 200, resBody: session(), wantFailure: "the request was accepted"},
		{name: "an accepted body of another kind", method: "POST", url: base + "/enter", reqBody: `webinar_id=intro`,
			reqHeader: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, status: 201,
			resBody: session(), wantFailure: "the request was accepted"},
		{name: "an accepted query that is forbidden", method: "GET", url: base + "/session?webinar_id=In%20tro",
			status: 200, resBody: session(), wantFailure: "the request was accepted"},
	})
}
