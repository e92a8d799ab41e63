package httpapi_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/httpapi"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

const submissionID = "7b0a3c52-8a8f-4d7e-9d3b-2f0c9d1e5a64"

// feedback returns a form of webinar intro.
func feedback() string {
	return `{"webinar_id":"intro","form_id":"feed back","submission_id":"` + submissionID + `",
		"form_payload": {"rating": 5, "comment": "` + canary + ` <b>", "big": 12345678901234567890, "b": [ {} ]}}`
}

func TestFormReachesReceiverUnchanged(t *testing.T) {
	t.Parallel()
	for name, call := range callers(anna()) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.db.SetMeta(t, 7, leadKey, " L-1 ")
			session := s.enter(t, anna(), "intro")
			before := s.db.Meta(t, 7)

			res := call(t, s, "POST", "/form", feedback())
			require.Equal(t, 200, res.status, string(res.raw))
			assert.Len(t, res.json, 2)
			assert.Equal(t, submissionID, res.json["submission_id"])
			require.Len(t, s.receiver.accepted, 1)
			got := s.receiver.accepted[0]
			assert.Equal(t, "L-1", got.leadID)
			assert.Equal(t, res.json["submitted_at"], got.event.At.Format(time.RFC3339))
			assert.Equal(t, webinar.EventID(webinar.EventFormSubmitted, 7, "feed back", submissionID), got.event.ID)
			assert.Equal(t, `{"rating":5,"comment":"canary <b>","big":12345678901234567890,"b":[{}]}`, string(got.event.FormPayload))
			got.event.ID, got.event.At, got.event.FormPayload = uuid.Nil, time.Time{}, nil
			assert.Equal(t, webinar.Event{
				Type: webinar.EventFormSubmitted, User: 7, Webinar: "intro", WebinarType: webinar.Auto,
				Session: webinar.SessionID(session), FormID: "feed back",
			}, got.event)

			assert.Equal(t, 200, call(t, s, "POST", "/form", feedback()).status)
			assert.Equal(t, s.receiver.accepted[0].event.ID, s.receiver.accepted[1].event.ID, "a repeat has the same id")
			assert.Equal(t, before, s.db.Meta(t, 7), "the form is not stored")
		})
	}
}

func TestFormWithoutIDGetsOne(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.db.SetMeta(t, 7, leadKey, "L-1")
	s.enter(t, anna(), "intro")
	for _, id := range []string{"", `,"submission_id":null`} {
		res := s.call(t, "POST", "/form", `{"webinar_id":"intro","form_id":"f","form_payload":{}`+id+`}`, page(anna()))
		require.Equal(t, 200, res.status)
		given := uuid.MustParse(res.json["submission_id"].(string))
		assert.Equal(t, webinar.EventID(webinar.EventFormSubmitted, 7, "f", given.String()), s.receiver.accepted[len(s.receiver.accepted)-1].event.ID)
	}
}

func TestFormNotAccepted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err        error
		want       string
		retryAfter string
	}{
		"rejected":    {fmt.Errorf("%w: status 400", webhook.ErrFormRefused), "422 autowebinar_form_refused", ""},
		"unavailable": {fmt.Errorf("%w: status 502", webhook.ErrReceiverUnavailable), "503 autowebinar_unavailable", "10"},
		"unexpected":  {errors.New("something else"), "500 autowebinar_internal", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.db.SetMeta(t, 7, leadKey, "L-1")
			s.enter(t, anna(), "intro")
			s.receiver.failWith(tt.err)
			res := s.call(t, "POST", "/form", feedback(), page(anna()))
			res.assertError(t, tt.want)
			assert.Equal(t, tt.retryAfter, res.header.Get("Retry-After"))
			assert.NotContains(t, string(res.raw), "status 5")
		})
	}
}

func TestFormOfViewerWithoutLeadIsRetryable(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	res := s.call(t, "POST", "/form", feedback(), page(anna()))
	res.assertError(t, "503 autowebinar_unavailable")
	assert.Equal(t, "2", res.header.Get("Retry-After"))

	s.db.SetMeta(t, 7, leadKey, "L-1")
	assert.Equal(t, 200, s.call(t, "POST", "/form", feedback(), page(anna())).status)
}

func TestFormWithoutReceiver(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *httpapi.Config) { c.Forms = nil })
	s.enter(t, anna(), "intro")
	res := s.call(t, "POST", "/form", feedback(), page(anna()))
	res.assertError(t, "503 autowebinar_unavailable")
	assert.NotEmpty(t, res.header.Get("Retry-After"))
}

func TestFormNeedsSession(t *testing.T) {
	t.Parallel()
	s := setup(t)
	res := s.call(t, "POST", "/form", feedback(), page(anna()))
	res.assertError(t, "404 autowebinar_no_session")
	assert.Empty(t, s.receiver.accepted)
}

// TestFormResponseFollowsReceiverStatus sends forms over HTTP.
func TestFormResponseFollowsReceiverStatus(t *testing.T) {
	t.Parallel()
	var answer atomic.Pointer[http.HandlerFunc]
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*answer.Load())(w, r) }))
	defer remote.Close()
	address, err := url.Parse(remote.URL)
	require.NoError(t, err)
	s := setup(t, func(c *httpapi.Config) {
		sender := webhook.NewSender(webhook.SenderConfig{URL: address, Signer: webhook.NewSigner([]byte("0123456789abcdef01234567"))})
		c.Forms = webhook.NewForms(sender, slog.New(slog.DiscardHandler))
	})
	s.db.SetMeta(t, 7, leadKey, "L-1")
	s.enter(t, anna(), "intro")

	status := func(code int, retryAfter string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.WriteHeader(code)
		}
	}
	for _, tt := range []struct {
		receiver   http.HandlerFunc
		want       string
		retryAfter string
	}{
		{status(204, ""), "200", ""},
		{status(400, "7"), "422 autowebinar_form_refused", ""},
		{status(429, "7"), "503 autowebinar_unavailable", "7"},
		{status(410, ""), "503 autowebinar_unavailable", "10"},
		{status(503, "120"), "503 autowebinar_unavailable", "120"},
		{status(302, ""), "503 autowebinar_unavailable", "10"},
		{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "503 autowebinar_unavailable", "10"},
	} {
		answer.Store(&tt.receiver)
		res := s.call(t, "POST", "/form", feedback(), page(anna()))
		res.assertError(t, tt.want)
		assert.Equal(t, tt.retryAfter, res.header.Get("Retry-After"))
	}
}
