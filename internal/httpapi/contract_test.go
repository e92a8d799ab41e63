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
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webhook"
)

// operation is a documented route with a request that it takes.
type operation struct {
	method, path             string
	body                     string
	invalid                  string        // a body or query that is refused with 400
	aboutViewer              bool          // it is about a viewer, so there may be none
	namesSession             bool          // a session, so it may be another's
	authorized, unauthorized requestOption // who may ask, and who may not
	unknownUser              requestOption // who may ask, for a viewer who does not exist
}

// operations are all routes that ask who it is, each in the forms it has.
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
		viewing, behalf := op, op
		viewing.authorized, viewing.unauthorized, viewing.unknownUser = token(7), asService(), token(unknownID)
		behalf.path, behalf.authorized, behalf.unauthorized = "/users/8"+op.path, asService(), token(8)
		all = append(all, viewing, behalf)
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

// TestEveryDocumentedAnswerIsGiven asks each operation for each of its
// statuses, and then the contract whether that was all.
func TestEveryDocumentedAnswerOccurs(t *testing.T) {
	t.Parallel()
	t.Run("by a site", testEveryAnswer)
	t.Run("by a site in trouble", testEveryServerError)
	t.Run("for outsiders", testPublicFiles)
	assert.Empty(t, contracttest.Uncovered(), "documented, and never given")
}

func testEveryAnswer(t *testing.T) {
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
			stranger := op
			if op.unknownUser == nil {
				stranger.path, stranger.unknownUser = strings.Replace(op.path, "/8/", "/99/", 1), op.authorized
			}
			assert.Equal(t, 404, stranger.call(t, s, op.body, stranger.unknownUser), op.path)
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
	for status, how := range map[int]failingStore{
		500: func() error { return errors.New("odd") },
		503: func() error { return usermeta.ErrUnavailable },
	} {
		s := setup(t, withFailingStore(how))
		for _, op := range operations() {
			assert.Equal(t, status, op.call(t, s, op.body, op.authorized), op.path)
		}
	}
	// Service keys are unlimited, so their routes say 429 to failed logins only.
	s := setup(t, func(c *httpapi.Config) { c.RateLogin = lowRate(1) })
	require.Equal(t, 401, s.call(t, "GET", "/session", "", bearer("x")).status)
	for _, op := range operations() {
		assert.Equal(t, 429, op.call(t, s, op.body, bearer("x")), op.path)
	}
}
