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
	method, path string
	body         string
	wrong        string // a body or query that is refused with 400
	user         bool   // it is about a viewer, so there may be none
	names        bool   // a session, so it may be another's
	own, other   with   // who may ask, and who may not
	missing      with   // who may ask, for a viewer who does not exist
}

// operations are all routes that ask who it is, each in the forms it has.
func operations() []operation {
	var all []operation
	for _, op := range []operation{
		{method: "POST", path: "/enter", body: `{"webinar_id":"intro"}`},
		{method: "POST", path: "/progress", body: `{"webinar_id":"intro","position_sec":1}`, names: true},
		{method: "POST", path: "/cta", body: `{"webinar_id":"intro"}`, names: true},
		{method: "POST", path: "/exit", body: `{"webinar_id":"intro"}`, names: true},
		{method: "POST", path: "/resume", body: `{"webinar_id":"intro"}`},
		{method: "GET", path: "/session", wrong: "?webinar_id=A"},
		{method: "POST", path: "/register", body: `{"webinar_id":"intro","source":"s"}`},
		{method: "POST", path: "/form", body: `{"webinar_id":"intro","form_id":"f","form_payload":{}}`, names: true},
	} {
		op.user = true
		if op.wrong == "" {
			op.wrong = `{"webinar_id":7}`
		}
		viewing, behalf := op, op
		viewing.own, viewing.other, viewing.missing = token(7), key(), token(unknownID)
		behalf.path, behalf.own, behalf.other = "/users/8"+op.path, key(), token(8)
		all = append(all, viewing, behalf)
	}
	return append(all, operation{
		method: "POST", path: "/attendance", body: `{"user_ids":[7]}`, wrong: `{"user_ids":7}`, own: key(), other: token(7),
	})
}

func (op operation) ask(t testing.TB, s *site, body string, changes ...with) int {
	t.Helper()
	if op.method == http.MethodGet {
		return s.ask(t, op.method, op.path+body, "", changes...).status
	}
	return s.ask(t, op.method, op.path, body, changes...).status
}

// TestEveryDocumentedAnswerIsGiven asks each operation for each of its
// statuses, and then the contract whether that was all.
func TestEveryDocumentedAnswerIsGiven(t *testing.T) {
	t.Parallel()
	t.Run("by a site", everyAnswer)
	t.Run("by a site in trouble", everyFailure)
	t.Run("for outsiders", filesForOutsiders)
	assert.Empty(t, contracttest.Uncovered(), "documented, and never given")
}

func everyAnswer(t *testing.T) {
	s := setup(t)
	s.db.SetMeta(t, 7, leadKey, "L-7")
	s.db.SetMeta(t, 8, leadKey, "L-8")
	for _, op := range operations() {
		status := op.ask(t, s, op.body, op.own)
		if strings.HasSuffix(op.path, "/enter") || strings.HasSuffix(op.path, "/register") {
			assert.Equal(t, 201, status, op.path)
			status = op.ask(t, s, op.body, op.own)
		}
		assert.Equal(t, 200, status, op.path)
		assert.Equal(t, 400, op.ask(t, s, op.wrong, op.own), op.path)
		assert.Equal(t, 401, op.ask(t, s, op.body), op.path)
		assert.Equal(t, 403, op.ask(t, s, op.body, op.other), op.path)
		if op.user {
			stranger := op
			if op.missing == nil {
				stranger.path, stranger.missing = strings.Replace(op.path, "/8/", "/99/", 1), op.own
			}
			assert.Equal(t, 404, stranger.ask(t, s, op.body, stranger.missing), op.path)
		}
		if op.names {
			assert.Equal(t, 409, op.ask(t, s, `{"session_id":"x",`+op.body[1:], op.own), op.path)
		}
		if op.method == http.MethodPost {
			assert.Equal(t, 413, op.ask(t, s, filled(strings.TrimSuffix(op.body, "}"), 70<<10), op.own), op.path)
			assert.Equal(t, 415, op.ask(t, s, op.body, op.own, header("Content-Type", "text/html")), op.path)
		}
		if strings.HasSuffix(op.path, "/form") {
			s.sink.refuse(webhook.ErrFormRefused)
			assert.Equal(t, 422, op.ask(t, s, op.body, op.own))
			s.sink.refuse(nil)
		}
	}
}

func everyFailure(t *testing.T) {
	for status, how := range map[int]broken{
		500: func() error { return errors.New("odd") },
		503: func() error { return usermeta.ErrUnavailable },
	} {
		s := setup(t, failing(how))
		for _, op := range operations() {
			assert.Equal(t, status, op.ask(t, s, op.body, op.own), op.path)
		}
	}
	// Service keys are unlimited, so their routes say 429 to failed logins only.
	s := setup(t, func(c *httpapi.Config) { c.RateLogin = scarce(1) })
	require.Equal(t, 401, s.ask(t, "GET", "/session", "", bearer("x")).status)
	for _, op := range operations() {
		assert.Equal(t, 429, op.ask(t, s, op.body, bearer("x")), op.path)
	}
}
