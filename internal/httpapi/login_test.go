package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/httpapi"
)

const (
	notLoggedIn  = "401 rest_not_logged_in"
	invalidNonce = "403 rest_cookie_invalid_nonce"
	forbidden    = "403 rest_forbidden"
)

// withQuery adds a parameter to the query.
func withQuery(name, value string) requestOption {
	return func(r *http.Request) {
		q := r.URL.Query()
		q.Add(name, value)
		r.URL.RawQuery = q.Encode()
	}
}

// all combines several options.
func all(changes ...requestOption) requestOption {
	return func(r *http.Request) {
		for _, change := range changes {
			change(r)
		}
	}
}

// TestWordPressLogins follows WordPress's own treatment of cookies and nonces with
// one exception: an invalid cookie leads to a 401 with any nonce, because
// otherwise wp.apiFetch would fetch a nonce and retry forever.
func TestWordPressLogins(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	var (
		good           = anna().nonceAt(time.Now())
		before         = anna().nonceAt(time.Now().Add(-12 * time.Hour))
		old            = anna().nonceAt(time.Now().Add(-24 * time.Hour))
		foreign        = boris().nonceAt(time.Now())
		anonymousNonce = viewer{}.nonceAt(time.Now())
		valid          = loggedIn(anna())
		expired        = cookie(anna().cookieValue(time.Now().Add(-time.Second)))
		forged         = cookie(strings.Replace(anna().cookieValue(time.Now().Add(time.Hour)), "demo", "Demo", 1))
	)
	for name, tt := range map[string]struct {
		who  requestOption
		want string
	}{
		"nothing":                                        {anonymous, notLoggedIn},
		"cookie alone":                                   {valid, notLoggedIn},
		"cookie and nonce":                               {all(valid, nonce(good)), "200"},
		"cookie and nonce of the tick before":            {all(valid, nonce(before)), "200"},
		"cookie and nonce of yesterday":                  {all(valid, nonce(old)), invalidNonce},
		"cookie and nonce parameter":                     {all(valid, withQuery("_wpnonce", good)), "200"},
		"cookie and wrong nonce":                         {all(valid, nonce("0123456789")), invalidNonce},
		"cookie and another user's nonce":                {all(valid, nonce(foreign)), invalidNonce},
		"cookie and anonymous nonce":                     {all(valid, nonce(anonymousNonce)), invalidNonce},
		"cookie and empty nonce":                         {all(valid, nonce("")), invalidNonce},
		"cookie and empty nonce parameter":               {all(valid, withQuery("_wpnonce", "")), invalidNonce},
		"cookie and nonce in another case":               {all(valid, nonce(strings.ToUpper(good))), invalidNonce},
		"the parameter wins, wrong":                      {all(valid, withQuery("_wpnonce", "0123456789"), nonce(good)), invalidNonce},
		"the parameter wins, empty":                      {all(valid, withQuery("_wpnonce", ""), nonce(good)), invalidNonce},
		"the parameter wins, good":                       {all(valid, withQuery("_wpnonce", good), nonce("0123456789")), "200"},
		"of two parameters the first":                    {all(valid, withQuery("_wpnonce", good), withQuery("_wpnonce", "x")), "200"},
		"a parameter in another case is none":            {all(valid, withQuery("_WPNONCE", good)), notLoggedIn},
		"expired cookie":                                 {expired, notLoggedIn},
		"expired cookie and its nonce":                   {all(expired, nonce(good)), notLoggedIn},
		"expired cookie and wrong nonce":                 {all(expired, nonce("0123456789")), notLoggedIn},
		"forged cookie and nonce":                        {all(forged, nonce(good)), notLoggedIn},
		"malformed cookie and nonce":                     {all(cookie("a|b"), nonce(good)), notLoggedIn},
		"no cookie and a nonce":                          {nonce(good), notLoggedIn},
		"no cookie and anonymous nonce":                  {nonce(anonymousNonce), notLoggedIn},
		"no cookie and an empty nonce":                   {nonce(""), notLoggedIn},
		"another site's invalid cookie, then a good one": {all(header("Cookie", "wordpress_logged_in_x=y; a=b"), valid, nonce(good)), "200"},
	} {
		// GET and POST need the same login.
		for _, res := range []response{
			s.call(t, "GET", "/session", "", tt.who),
			s.call(t, "POST", "/resume", "", tt.who),
		} {
			assert.Equal(t, tt.want, res.summary(), name)
			if tt.want == "200" {
				assert.Equal(t, good, res.header.Get("X-WP-Nonce"), name)
			} else {
				assert.NotContains(t, res.header, "X-Wp-Nonce", name)
			}
		}
	}
}

func TestUnencodedCookie(t *testing.T) {
	t.Parallel()
	s := setup(t)
	raw := header("Cookie", cookieName+"="+anna().cookieValue(time.Now().Add(time.Hour)))
	res := s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, raw, nonce(anna().nonceAt(time.Now())))
	assert.Equal(t, 201, res.status)
}

func TestLogoutEverywhereEndsLogin(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	require.Equal(t, 200, s.call(t, "GET", "/session", "", page(anna())).status)
	_, err := s.db.SQL.ExecContext(t.Context(), "DELETE FROM wp_usermeta WHERE user_id = 7 AND meta_key = 'session_tokens'")
	require.NoError(t, err)
	s.call(t, "GET", "/session", "", page(anna())).assertError(t, notLoggedIn)
}

func TestErrorsAfterLoginHaveNonce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	fresh := anna().nonceAt(time.Now())
	for target, want := range map[string]string{
		"/session":              "404 autowebinar_no_session",
		"/session?webinar_id=A": invalidParam,
	} {
		res := s.call(t, "GET", target, "", page(anna()))
		assert.Equal(t, want, res.summary())
		assert.Equal(t, fresh, res.header.Get("X-WP-Nonce"), target)
	}
	res := s.call(t, "GET", "/session", "", token(7))
	assert.NotContains(t, res.header, "X-Wp-Nonce", "a token has no nonce")
}

func TestBasicAuthIsIgnored(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, authorization := range []string{"Basic c3RhZ2luZzpwYXNz", "Digest username=x", "", "bearer-like thing"} {
		res := s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, page(anna()), header("Authorization", authorization))
		assert.Less(t, res.status, 300, authorization)
		s.call(t, "GET", "/session", "", header("Authorization", authorization)).assertError(t, notLoggedIn)
	}
}

func TestBearerTokenOverridesCookie(t *testing.T) {
	t.Parallel()
	s := setup(t)
	session := s.enter(t, boris(), "intro")
	for _, authorization := range []string{"Bearer", "Bearer ", "Bearer x", "bearer x", "BEARER " + sign(map[string]any{"sub": "0"})} {
		s.call(t, "GET", "/session", "", page(anna()), header("Authorization", authorization)).assertError(t, notLoggedIn)
	}
	res := s.call(t, "GET", "/session", "", page(anna()), token(boris().id))
	assert.Equal(t, session, res.json["session_id"])
	assert.NotContains(t, res.header, "X-Wp-Nonce")
	s.call(t, "GET", "/session", "", page(anna()), asService()).assertError(t, forbidden)
}

func TestDisabledAuthenticationMethods(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *httpapi.Config) { c.Logins, c.JWTSecret, c.ServiceKeys = nil, nil, nil })
	for _, who := range []requestOption{
		page(anna()), token(7), asService(), bearer(""),
		bearer(signAs(hs256(), []byte{}, map[string]any{"sub": "7"})),
	} {
		s.call(t, "GET", "/session", "", who).assertError(t, notLoggedIn)
		s.call(t, "GET", "/users/7/session", "", who).assertError(t, notLoggedIn)
	}
	res := s.call(t, "GET", "/session", "", page(anna()), func(r *http.Request) { r.URL.RawQuery = url.Values{"_wpnonce": {"x"}}.Encode() })
	res.assertError(t, notLoggedIn)
}

// Browsers may send the cookie of the old address first. The nonce shows which
// user's page sent the request.
func TestNonceSelectsOneOfTwoUnencodedLogins(t *testing.T) {
	t.Parallel()
	s := setup(t)
	cookies := header("Cookie", "wordpress_logged_in_old="+anna().cookieValue(time.Now().Add(time.Hour))+
		"; wordpress_logged_in_new="+boris().cookieValue(time.Now().Add(time.Hour)))
	s.enter(t, boris(), "pro")
	res := s.call(t, "GET", "/session", "", cookies, nonce(boris().nonceAt(time.Now())))
	assert.Equal(t, 200, res.status)
	assert.Equal(t, "pro", res.json["webinar_id"])
	assert.Equal(t, boris().nonceAt(time.Now()), res.header.Get("X-WP-Nonce"))
	s.call(t, "GET", "/session", "", cookies, nonce("0123456789")).assertError(t, "403 rest_cookie_invalid_nonce")
}

// After a site has moved, browsers send the login cookies of both addresses.
func TestNonceSelectsOneOfTwoLogins(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	s.enter(t, boris(), "pro")
	otherAddress := func(v viewer) requestOption {
		return func(r *http.Request) {
			loggedIn(v)(r)
			r.Header.Set("Cookie", strings.Replace(strings.Join(r.Header.Values("Cookie"), "; "), cookieName, "wordpress_logged_in_moved", 1))
		}
	}
	for _, cookies := range []requestOption{all(otherAddress(anna()), loggedIn(boris())), all(otherAddress(boris()), loggedIn(anna()))} {
		res := s.call(t, "GET", "/session", "", cookies, nonce(anna().nonceAt(time.Now())))
		assert.Equal(t, "intro", res.json["webinar_id"], string(res.raw))
		res = s.call(t, "GET", "/session", "", cookies, nonce(boris().nonceAt(time.Now())))
		assert.Equal(t, "pro", res.json["webinar_id"], string(res.raw))
		s.call(t, "GET", "/session", "", cookies, nonce("0123456789")).assertError(t, invalidNonce)
		s.call(t, "GET", "/session", "", cookies).assertError(t, notLoggedIn)
	}
}
