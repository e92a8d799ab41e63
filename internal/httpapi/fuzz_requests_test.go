package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
)

const (
	fuzzKey    = "fuzz-service-key"
	fuzzCookie = "wordpress_logged_in_x=seven-is-here"
	fuzzNonce  = "0badcafe01"
	// {"sub":"7","exp":4102444800} under fuzzSecret.
	fuzzToken = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3IiwiZXhwIjo0MTAyNDQ0ODAwfQ.n2iQVzqCToi5iHq7phlipc93ErbJFR06en_FyGgF2ys"
	// The session of viewer 8, whose id no response to viewer 7 may contain.
	fuzzOtherSession = "019b76da-8888-7000-8000-000000000008"
)

// memoryStore is a store without a database. It has viewers 7 and 8.
type memoryStore struct {
	mu      sync.Mutex
	viewers map[webinar.UserID]webinar.Viewer
	changes int
}

func (m *memoryStore) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	began := time.Unix(1795290122, 0).UTC()
	session := func(id webinar.SessionID) *webinar.Session {
		return &webinar.Session{ID: id, Webinar: "intro", StartedAt: began, LastSeenAt: began}
	}
	m.changes = 0
	m.viewers = map[webinar.UserID]webinar.Viewer{
		7: {User: 7, Current: session("s7"), Registered: map[webinar.ID]time.Time{}},
		8: {User: 8, Current: session(fuzzOtherSession), Registered: map[webinar.ID]time.Time{}},
	}
}

func (m *memoryStore) Change(_ context.Context, user webinar.UserID, command webinar.Command) (webinar.Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, known := m.viewers[user]
	if !known {
		return webinar.Result{}, usermeta.ErrUnknownUser
	}
	result, err := command(v, time.Unix(1795290132, 0).UTC())
	if err == nil {
		m.viewers[user] = result.Viewer
		m.changes++
	}
	return result, err
}

func (m *memoryStore) Read(_ context.Context, user webinar.UserID) (webinar.Viewer, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, known := m.viewers[user]
	if !known {
		return v, time.Time{}, usermeta.ErrUnknownUser
	}
	return v, time.Unix(1795290132, 0).UTC(), nil
}

func (m *memoryStore) LeadID(context.Context, webinar.UserID) (string, error) { return "lead", nil }

func (m *memoryStore) Submit(context.Context, webinar.Event, string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	return nil
}

// fakeLogins accepts one cookie and one nonce, of viewer 7.
type fakeLogins struct{}

func (fakeLogins) Verify(_ context.Context, cookies []*http.Cookie, accept func(wordpress.Login) bool) (wordpress.Login, error) {
	err := wordpress.ErrNotLoggedIn
	for _, c := range cookies {
		switch {
		case c.Name+"="+c.Value == fuzzCookie && accept(wordpress.Login{User: 7}):
			return wordpress.Login{User: 7}, nil
		case c.Name+"="+c.Value == fuzzCookie:
			return wordpress.Login{}, wordpress.ErrNotAccepted
		case strings.HasPrefix(c.Name, "wordpress_logged_in_"):
			err = wordpress.ErrForged
		}
	}
	return wordpress.Login{}, err
}

func (fakeLogins) CheckNonce(_ wordpress.Login, nonce string) bool { return nonce == fuzzNonce }
func (fakeLogins) Nonce(wordpress.Login) string                    { return fuzzNonce }

type nopObserver struct{}

func (nopObserver) RequestDone(string, int, string, time.Duration) {}
func (nopObserver) LoggedIn(string)                                {}
func (nopObserver) LoginRefused(string)                            {}
func (nopObserver) SessionChanged(SessionChange)                   {}

// FuzzRequests sends any bytes that Go parses as a request to the whole API. It
// checks that there is no internal error, that responses are JSON in
// WordPress's shape without data of other viewers, that errors change nothing,
// and that no credential is logged.
func FuzzRequests(f *testing.F) {
	store, log := &memoryStore{}, &bytes.Buffer{}
	var mu sync.Mutex
	handler := New(Config{
		BasePaths: []string{"/wp-json/autowebinar/v1"}, Rules: webinar.Rules{Heartbeat: 10, MaxRate: 2},
		Viewers: store, Leads: store, Forms: store, Logins: fakeLogins{},
		JWTSecret: []byte(fuzzSecret), ServiceKeys: []string{fuzzKey},
		Logger: slog.New(slog.NewJSONHandler(&lockedWriter{mu: &mu, to: log}, nil)), Observer: nopObserver{},
	})
	for _, seed := range seedRequests() {
		f.Add([]byte(seed))
	}
	known := []int{200, 201, 304, 400, 401, 403, 404, 409, 412, 413, 415, 503}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil || r.URL.Path == "" && r.Method != http.MethodConnect {
			return
		}
		store.reset()
		log.Reset()
		r.RemoteAddr = "192.0.2.1:4711"
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)

		require.Contains(t, known, w.Code, w.Body.String())
		if w.Code >= 400 {
			assert.Zero(t, store.changes, "an error changes nothing")
		}
		if w.Header().Get("Content-Type") == "application/json; charset=UTF-8" {
			requireShape(t, w)
		}
		if !strings.Contains(string(raw), fuzzKey) && !strings.Contains(string(raw), fuzzOtherSession) {
			assert.NotContains(t, w.Body.String(), fuzzOtherSession)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, secret := range []string{fuzzKey, fuzzToken[30:], "seven-is-here"} {
			if !strings.Contains(r.URL.Path+r.URL.Query().Get("rest_route")+r.Method+r.Host+r.Header.Get("Origin"), secret) {
				assert.NotContains(t, log.String(), secret)
			}
		}
		assert.Less(t, log.Len(), 4000, "the length of a line is bounded")
	})
}

func requireShape(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	if w.Code < 400 {
		assert.NotEmpty(t, body)
		return
	}
	assert.NotEmpty(t, body["code"])
	assert.NotEmpty(t, body["message"])
	data, _ := body["data"].(map[string]any)
	assert.EqualValues(t, w.Code, data["status"])
	assert.Equal(t, w.Code == 503, w.Header().Get("Retry-After") != "")
}

// lockedWriter serializes writes, because the goroutines of an evaluation may log
// at the same time.
type lockedWriter struct {
	mu *sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// seedRequests returns requests of each kind with valid credentials.
func seedRequests() []string {
	const base = "/wp-json/autowebinar/v1"
	post := func(target, who, body string) string {
		return "POST " + target + " HTTP/1.1\r\nHost: example.test\r\n" + who + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
			chunkedBody(body)
	}
	get := func(target, who string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: example.test\r\n" + who + "\r\n\r\n"
	}
	page := "Cookie: a=b; " + fuzzCookie + "\r\nX-WP-Nonce: " + fuzzNonce
	token, key := "Authorization: Bearer "+fuzzToken, "Authorization: Bearer "+fuzzKey
	return []string{
		post(base+"/enter", page, `{"webinar_id":"intro"}`),
		post(base+"/progress", token, `{"session_id":"s7","position_sec":12.5,"duration_sec":3600,"ended":true}`),
		post(base+"/progress", token, `{"session_id":"`+fuzzOtherSession+`","position_sec":1}`),
		post(base+"/exit/?_wpnonce="+fuzzNonce, "Cookie: "+fuzzCookie+"\r\nOrigin: https://example.test", `{"webinar_id":"intro","leave_reason":"network_loss"}`),
		post(base+"/session?_method=get", page, ``),
		post(base+"/register", page+"\r\nX-HTTP-Method-Override: PUT", `{"webinar_id":"live","webinar_type":"live","slot_id":"7","source":"mail"}`),
		post(base+"/form", token, `{"webinar_id":"intro","form_id":"f","form_payload":{"a":[1,{"b":null}]}}`),
		post(base+"/attendance", key, `{"user_ids":[7,8,9],"webinar_id":"intro"}`),
		post(base+"/users/8/cta", key, `{"webinar_id":"intro"}`),
		post("/?rest_route=/autowebinar/v1/users/7/resume", key, `{"webinar_id":"intro"}`),
		post(base+"/enter", "Authorization: Basic x\r\n"+token+"\r\nSec-Fetch-Site: cross-site", `{"webinar_id":"intro"}`),
		get(base+"/session?webinar_id=intro", token), get(base+"/player.js", "If-None-Match: *"), get(base+"/users/7/session", page),
		"CONNECT example.test:443 HTTP/1.1\r\nHost: example.test\r\n\r\n", "OPTIONS * HTTP/1.0\r\n\r\n",
	}
}

// chunkedBody encodes a body in chunks of up to nine bytes, so that the fuzzer can
// change it without a mismatch of its length.
func chunkedBody(body string) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(len(body), 9)
		fmt.Fprintf(&b, "%d\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String() + "0\r\n\r\n"
}
