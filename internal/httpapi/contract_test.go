package httpapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/contracttest"
	"autowebinar/internal/httpapi"
	"autowebinar/internal/webhook"
	"autowebinar/internal/wpdb"
)

// operation is a documented route with a valid request.
type operation struct {
	method, path string
	body         string
	invalid      string // a body or query that leads to a 400
	aboutViewer  bool   // 404 for an unknown user
	namesSession bool   // 409 for another viewer's session

	authorized, unauthorized requestOption
	unknownUser              requestOption // authorized as a user who does not exist
}

// operations returns all routes that need authentication, for viewers and for
// service keys.
func operations() []operation {
	var all []operation
	for _, op := range []operation{
		{method: "POST", path: "/enter", body: `{"webinar_id":"intro"}`},
		{method: "POST", path: "/progress", body: `{"webinar_id":"intro","position_sec":1}`, namesSession: true},
		{method: "POST", path: "/cta", body: `{"webinar_id":"intro"}`, namesSession: true},
		{method: "POST", path: "/exit", body: `{"webinar_id":"intro"}`, namesSession: true},
		{method: "POST", path: "/resume", body: `{"webinar_id":"intro"}`},
		{method: "GET", path: "/session", invalid: "?webinar_id=A"},
		{method: "POST", path: "/register", body: `{"webinar_id":"intro","source":"s"}`},
		{method: "POST", path: "/form", body: `{"webinar_id":"intro","form_id":"f","form_payload":{}}`, namesSession: true},
	} {
		op.aboutViewer = true
		if op.invalid == "" {
			op.invalid = `{"webinar_id":7}`
		}
		own, named := op, op
		own.authorized, own.unauthorized, own.unknownUser = token(7), asService(), token(unknownID)
		named.path, named.authorized, named.unauthorized = "/users/8"+op.path, asService(), token(8)
		all = append(all, own, named)
	}
	return append(all, operation{
		method: "POST", path: "/attendance", body: `{"user_ids":[7]}`, invalid: `{"user_ids":7}`, authorized: asService(), unauthorized: token(7),
	})
}

func (op operation) call(t testing.TB, s *site, body string, changes ...requestOption) int {
	t.Helper()
	if op.method == http.MethodGet {
		return s.call(t, op.method, op.path+body, "", changes...).status
	}
	return s.call(t, op.method, op.path, body, changes...).status
}

// TestEveryDocumentedResponseOccurs provokes each status of each operation, and
// checks that the contract documents no other.
func TestEveryDocumentedResponseOccurs(t *testing.T) {
	t.Parallel()
	t.Run("answers", testEveryResponse)
	t.Run("server errors", testEveryServerError)
	t.Run("public files", testPublicFiles)
	assert.Empty(t, contracttest.Uncovered(), "documented responses that never occurred")
}

func testEveryResponse(t *testing.T) {
	s := setup(t)
	s.db.SetMeta(t, 7, leadKey, "L-7")
	s.db.SetMeta(t, 8, leadKey, "L-8")
	for _, op := range operations() {
		status := op.call(t, s, op.body, op.authorized)
		if strings.HasSuffix(op.path, "/enter") || strings.HasSuffix(op.path, "/register") {
			assert.Equal(t, 201, status, op.path)
			status = op.call(t, s, op.body, op.authorized)
		}
		assert.Equal(t, 200, status, op.path)
		assert.Equal(t, 400, op.call(t, s, op.invalid, op.authorized), op.path)
		assert.Equal(t, 401, op.call(t, s, op.body), op.path)
		assert.Equal(t, 403, op.call(t, s, op.body, op.unauthorized), op.path)
		if op.aboutViewer {
			unknown := op
			if op.unknownUser == nil {
				unknown.path, unknown.unknownUser = strings.Replace(op.path, "/8/", "/99/", 1), op.authorized
			}
			assert.Equal(t, 404, unknown.call(t, s, op.body, unknown.unknownUser), op.path)
		}
		if op.namesSession {
			assert.Equal(t, 409, op.call(t, s, `{"session_id":"x",`+op.body[1:], op.authorized), op.path)
		}
		if op.method == http.MethodPost {
			assert.Equal(t, 413, op.call(t, s, padded(strings.TrimSuffix(op.body, "}"), 70<<10), op.authorized), op.path)
			assert.Equal(t, 415, op.call(t, s, op.body, op.authorized, header("Content-Type", "text/html")), op.path)
		}
		if strings.HasSuffix(op.path, "/form") {
			s.receiver.failWith(webhook.ErrFormRefused)
			assert.Equal(t, 422, op.call(t, s, op.body, op.authorized))
			s.receiver.failWith(nil)
		}
	}
}

func testEveryServerError(t *testing.T) {
	for status, fail := range map[int]failingStore{
		500: func() error { return errors.New("odd") },
		503: func() error { return wpdb.ErrUnavailable },
	} {
		s := setup(t, withFailingStore(fail))
		for _, op := range operations() {
			assert.Equal(t, status, op.call(t, s, op.body, op.authorized), op.path)
		}
	}
	// Service keys have no rate limit. Their routes respond with 429 to failed logins
	// only.
	s := setup(t, func(c *httpapi.Config) { c.RateLogin = lowRate(1) })
	require.Equal(t, 401, s.call(t, "GET", "/session", "", bearer("x")).status)
	for _, op := range operations() {
		assert.Equal(t, 429, op.call(t, s, op.body, bearer("x")), op.path)
	}
}
