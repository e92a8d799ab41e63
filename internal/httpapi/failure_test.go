package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/wpdb"
)

func TestUnexpectedErrorsReturn500(t *testing.T) {
	t.Parallel()
	odd := errors.New("odd: SELECT meta_value FROM wp_usermeta")
	for name, tt := range map[string]struct {
		fail   failingStore
		logged string
	}{
		"an error":         {func() error { return odd }, odd.Error()},
		"a panic":          {func() error { panic(odd) }, odd.Error()},
		"a type assertion": {func() error { return error(nil).(interface{ Unwrap() error }).Unwrap() }, "interface conversion"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, withFailingStore(tt.fail))
			var ids []string
			for _, res := range []response{
				s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, page(anna())),
				s.call(t, "GET", "/users/7/session", "", asService()),
				s.call(t, "POST", "/attendance", `{"user_ids":[7,8,9],"evaluation_id":"`+evaluationID+`"}`, asService()),
			} {
				id := res.header.Get("X-Request-Id")
				raw := strings.Replace(string(res.raw), `"evaluation_id":"`+evaluationID+`",`, "", 1)
				require.JSONEq(t, `{"code":"autowebinar_internal",
					"message":"Internal error. Report the request id to the operator.",
					"data":{"status":500,"request_id":"`+id+`"}}`, raw)
				ids = append(ids, id)
			}
			s.server.Close()
			for i, line := range s.log.lines(t, "request") {
				assert.Equal(t, "ERROR", line["level"])
				assert.Equal(t, ids[i], line["request_id"])
			}
			assert.True(t, strings.Contains(s.log.text.String(), tt.logged), "the log has the cause")
		})
	}
}

func TestAbortedHandlerSendsNoResponse(t *testing.T) {
	t.Parallel()
	s := setup(t, withFailingStore(func() error { panic(http.ErrAbortHandler) }))
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.server.URL+base+"/session", nil)
	require.NoError(t, err)
	token(7)(r)
	_, err = s.server.Client().Do(r)
	assert.Error(t, err)
}

func TestUnavailableStoreReturns503(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{wpdb.ErrUnavailable, context.DeadlineExceeded, context.Canceled} {
		s := setup(t, withFailingStore(func() error { return fmt.Errorf("%w: server at 10.0.0.7", cause) }))
		for _, res := range []response{
			s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, page(anna())),
			s.call(t, "POST", "/attendance", `{"user_ids":[7,8,9]}`, asService()),
		} {
			res.assertError(t, "503 autowebinar_unavailable")
			assert.Equal(t, "2", res.header.Get("Retry-After"))
			assert.Equal(t, res.header.Get("X-Request-Id"), res.data()["request_id"])
			assert.NotContains(t, string(res.raw), "10.0.0.7")
		}
	}
}

func TestDatabaseOutage(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.db.SetMeta(t, 7, leadKey, "L-1")
	s.enter(t, anna(), "intro")

	s.dbLink.cut()
	assertUnavailable := func(res response) {
		t.Helper()
		res.assertError(t, "503 autowebinar_unavailable")
		assert.NotEmpty(t, res.header.Get("Retry-After"))
		assert.NotContains(t, string(res.raw), errLinkCut.Error())
	}
	assertUnavailable(s.call(t, "GET", "/session", "", page(anna()))) // not a 401: the login cannot be verified
	assertUnavailable(s.call(t, "GET", "/session", "", token(7)))
	assertUnavailable(s.call(t, "POST", "/enter", `{"webinar_id":"pro"}`, token(7)))
	assertUnavailable(s.call(t, "POST", "/form", feedback(), token(7)))
	assertUnavailable(s.call(t, "POST", "/users/8/register", `{"webinar_id":"pro","source":"s"}`, asService()))
	assertUnavailable(s.call(t, "POST", "/attendance", `{"user_ids":[7]}`, asService()))
	s.call(t, "GET", "/session", "").assertError(t, "401 rest_not_logged_in")
	s.call(t, "GET", "/session", "", cookie("x|y"), nonce("0123456789")).assertError(t, "401 rest_not_logged_in")
	assert.Equal(t, 200, s.call(t, "GET", "/openapi.yaml", "").status)

	s.dbLink.restore()
	res := s.call(t, "GET", "/session", "", page(anna()))
	assert.Equal(t, "intro", res.json["webinar_id"], string(res.raw))
	assert.Empty(t, s.receiver.accepted)

	s.server.Close()
	for _, line := range s.log.lines(t, "request") {
		if line["status"] == 503. {
			assert.Equal(t, "WARN", line["level"])
			assert.NotEmpty(t, line["cause"])
		}
	}
}
