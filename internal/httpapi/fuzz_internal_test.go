package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

// FuzzBodyMembers decodes every member of any body by every method.
func FuzzBodyMembers(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, `null`, `"`, "\xff", `{"a":`, `{"a":1}{}`, `{"":null}`,
		`{"session_id":"s","webinar_id":"intro","position_sec":912.48,"duration_sec":3600,"ended":true,"seeked":false}`,
		`{"webinar_id":"Intro","position_sec":-1,"leave_reason":"user_exit","source":"\u0000","slot_id":"\ud800"}`,
		`{"form_payload":{"a":[ {} ]},"submission_id":"7b0a3c52-8a8f-4d7e-9d3b-2f0c9d1e5a64","form_id":""}`,
		`{"user_ids":[1,2,2,18446744073709551615]}`, `{"user_ids":[0]}`, `{"user_ids":[]}`, `{"user_ids":[null]}`,
		`{"position_sec":1e999,"duration_sec":-0,"a":604800.5,"b":1e-400,"c":00,"d":"7"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		body, err := parseBody(content)
		if err != nil {
			assert.Nil(t, body)
			requireBadRequest(t, err)
			return
		}
		for name := range body.members {
			readAll(t, body, name)
		}
		for _, name := range []string{"webinar_id", "position_sec", "form_payload", "user_ids"} {
			readAll(t, body, name)
		}
		body.sessionRef()
		body.report()
		body.require("webinar_id", "position_sec")
		if err := body.err(); err != nil {
			requireBadRequest(t, err)
		}
	})
}

func requireBadRequest(t *testing.T, err error) {
	t.Helper()
	var p apiError
	require.ErrorAs(t, err, &p)
	require.Equal(t, http.StatusBadRequest, p.status)
	_, err = json.Marshal(p.params)
	require.NoError(t, err)
}

// readAll decodes one member by every method, and checks the values for which the
// method reports no problem.
func readAll(t *testing.T, body *jsonBody, name string) {
	t.Helper()
	valid := func(decode func()) bool {
		delete(body.problems, name)
		decode()
		return body.problems[name] == ""
	}
	var text string
	if valid(func() { text = body.text(name) }) {
		assert.LessOrEqual(t, utf8.RuneCountInString(text), maxTextLength)
		assert.NotContains(t, text, "\n")
	}
	var id webinar.ID
	if valid(func() { id = body.webinarID(name) }) && id != "" {
		assert.Regexp(t, webinar.IDPattern, string(id))
	}
	assert.Contains(t, []string{"a", "b"}, body.oneOf(name, "a", "b"))
	if seconds := body.seconds(name); seconds != nil {
		assert.GreaterOrEqual(t, *seconds, int64(0))
		assert.LessOrEqual(t, *seconds, int64(webinar.MaxSeconds))
	}
	body.flag(name)
	var named uuid.UUID
	if given := body.raw(name); valid(func() { named = body.uuid(name) }) && given != nil {
		var written string
		require.NoError(t, json.Unmarshal(given, &written))
		assert.Equal(t, strings.ToLower(written), named.String())
	}
	if object := body.object(name); object != nil {
		assert.True(t, json.Valid(object))
		assert.Equal(t, byte('{'), object[0])
	}
	var users []webinar.UserID
	if valid(func() { users = body.users(name) }) && users != nil {
		seen := map[webinar.UserID]bool{0: true}
		for _, user := range users {
			assert.False(t, seen[user])
			seen[user] = true
		}
		assert.LessOrEqual(t, len(users), maxUsers)
	}
}

const fuzzSecret = "fuzz-secret"

// FuzzParseJWT parses any token. It checks that only the one with a valid
// signature is accepted.
func FuzzParseJWT(f *testing.F) {
	good, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "7", "exp": 4102444800}).SignedString([]byte(fuzzSecret))
	require.NoError(f, err)
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"sub": "7", "exp": 4102444800}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(f, err)
	for _, seed := range []string{good, none, good + ".", good[1:], "", "..", "a.b.c", ".eyJzdWIiOiI3In0.", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		user, err := parseJWT(token, []byte(fuzzSecret))
		if err != nil {
			assert.Zero(t, user)
			return
		}
		// Base64 ignores line ends, and the last character has unused bits.
		token = strings.NewReplacer("\r", "", "\n", "").Replace(token)
		assert.Equal(t, good[:len(good)-1], token[:len(token)-1])
		assert.Equal(t, webinar.UserID(7), user)
	})
}

// FuzzClaims signs any claims. It checks that an accepted token names a user
// and expires.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{"sub":"7","exp":4102444800}`, `{"sub":7,"exp":4102444800.5}`, `{"data":{"user":{"id":7}},"exp":4102444800}`,
		`{"sub":"7","data":{"user":{"id":8}},"exp":4102444800}`, `{"sub":"7"}`, `{"sub":"7","exp":"4102444800"}`, `{"sub":"7","exp":1}`,
		`{"sub":["7"],"exp":1e99}`, `{"data":{"user":[]},"exp":4102444800}`, `{"sub":"7","exp":4102444800,"nbf":{},"aud":[1]}`, `{"sub":"7","exp":4102444800}0`, `[]`, `null`, ``,
	} {
		f.Add([]byte(seed))
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "."
	f.Fuzz(func(t *testing.T, claims []byte) {
		signed := head + base64.RawURLEncoding.EncodeToString(claims)
		signature, err := jwt.SigningMethodHS256.Sign(signed, []byte(fuzzSecret))
		require.NoError(t, err)
		user, err := parseJWT(signed+"."+base64.RawURLEncoding.EncodeToString(signature), []byte(fuzzSecret))
		if err != nil {
			assert.Zero(t, user)
			return
		}
		assert.NotZero(t, user)
		var got map[string]any
		require.NoError(t, json.NewDecoder(bytes.NewReader(claims)).Decode(&got)) // trailing data is ignored
		assert.Greater(t, got["exp"], float64(time.Now().Unix()-60))
	})
}

// FuzzForwardedFor checks that entries left of the first untrusted one are ignored.
func FuzzForwardedFor(f *testing.F) {
	for _, seed := range []string{"", "192.0.2.1", "a, 10.0.0.1", "::ffff:10.0.0.1,10.0.0.2", "fe80::1%eth0", ",,", "10.0.0.1\x00"} {
		f.Add(seed)
	}
	a := &API{cfg: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	peer := netip.MustParseAddr("10.0.0.9")
	f.Fuzz(func(t *testing.T, chain string) {
		address := a.forwardedFor(peer, []string{chain})
		assert.True(t, address.IsValid())
		assert.NotPanics(t, func() { rateLimitKey(address) })
		assert.Equal(t, netip.MustParseAddr("192.0.2.1"), a.forwardedFor(peer, []string{chain, "192.0.2.1, 10.0.0.1"}),
			"entries to the left of an untrusted address may be forged")
	})
}

// FuzzAddresses sends any method and target to the whole API, which accepts no
// credentials. Every response other than a file must be a known error.
func FuzzAddresses(f *testing.F) {
	for _, seed := range [][2]string{
		{"POST", "/wp-json/autowebinar/v1/enter"}, {"GET", "/?rest_route=/autowebinar/v1/session"}, {"HEAD", "/wp-json/autowebinar/v1/users/7/session/"},
		{"OPTIONS", "/*"}, {"POST", "/wp-json/autowebinar/v1/users//enter?_method=get"}, {"PUT", "/%2F%zz"}, {"POST", "/index.php?rest_route=/autowebinar/v1/users/%"},
	} {
		f.Add(seed[0], seed[1])
	}
	handler := New(Config{BasePaths: []string{"/wp-json/autowebinar/v1"}, Logger: slog.New(slog.DiscardHandler), Observer: nopObserver{}})
	f.Fuzz(func(t *testing.T, method, target string) {
		r, err := http.NewRequest(method, "http://example.test/"+strings.TrimPrefix(target, "/"), nil)
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		assert.Contains(t, []int{200, 401, 403, 404}, w.Code)
		if w.Code != 200 {
			assert.True(t, json.Valid(w.Body.Bytes()))
		}
	})
}
