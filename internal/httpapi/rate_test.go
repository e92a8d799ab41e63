package httpapi_test

import (
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
	"autowebinar/internal/httpapi"
)

const tooMany = "429 autowebinar_too_many_requests"

// lowRate allows a burst and then one request in 100 seconds.
func lowRate(burst int) config.Rate { return config.Rate{PerSecond: 0.01, Burst: burst} }

// assertRetryAfter checks that Retry-After is a little less than 100 seconds.
func assertRetryAfter(t testing.TB, res response) {
	t.Helper()
	seconds, err := strconv.Atoi(res.header.Get("Retry-After"))
	require.NoError(t, err)
	assert.InDelta(t, 90, seconds, 10)
}

func TestViewerRateLimit(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *httpapi.Config) { c.RateViewer = lowRate(3) })
	s.enter(t, anna(), "intro")
	assert.Equal(t, 200, s.call(t, "GET", "/session", "", page(anna())).status)
	s.call(t, "POST", "/enter", `{}`, page(anna())).assertError(t, missingParam, "webinar_id")

	before := s.db.Meta(t, 7)
	for _, who := range []requestOption{page(anna()), token(7)} {
		res := s.call(t, "POST", "/enter", `{"webinar_id":"pro"}`, who)
		res.assertError(t, tooMany)
		assertRetryAfter(t, res)
	}
	assert.NotEmpty(t, s.call(t, "GET", "/session", "", page(anna())).header.Get("X-WP-Nonce"))
	assert.Equal(t, before, s.db.Meta(t, 7))

	assert.Equal(t, 201, s.call(t, "POST", "/enter", `{"webinar_id":"pro"}`, page(boris())).status, "other viewers are not limited")
	for range 5 {
		res := s.call(t, "POST", "/users/7/enter", `{"webinar_id":"intro"}`, asService())
		assert.Equal(t, 200, res.status, "service keys are not limited")
	}
}

func TestFailedLoginLimit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		who  requestOption
		want string
	}{
		"a forged token":  {bearer("a.b.c"), "401 rest_not_logged_in"},
		"a guessed key":   {bearer("guess"), "401 rest_not_logged_in"},
		"a forged cookie": {all(cookie(forgedCookie(anna())), nonce("0123456789")), "401 rest_not_logged_in"},
		"a wrong nonce":   {all(loggedIn(anna()), nonce("0123456789")), "403 rest_cookie_invalid_nonce"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, func(c *httpapi.Config) { c.RateLogin = lowRate(2) })
			for range 2 {
				s.call(t, "GET", "/session", "", tt.who).assertError(t, tt.want)
			}
			res := s.call(t, "GET", "/session", "", tt.who)
			res.assertError(t, tooMany) // stops wp.apiFetch, which would retry forever
			assertRetryAfter(t, res)
			s.call(t, "POST", "/attendance", "{}", tt.who).assertError(t, tooMany)

			s.call(t, "GET", "/session", "").assertError(t, "401 rest_not_logged_in")
			s.call(t, "GET", "/session", "", loggedIn(anna())).assertError(t, "401 rest_not_logged_in")
			assert.Equal(t, 201, s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, page(anna())).status,
				"clients behind the same proxy can log in")
			s.call(t, "POST", "/users/7/enter", "{}", token(7)).assertError(t, "403 rest_forbidden")
		})
	}
}

// forgedCookie returns a cookie with an invalid signature.
func forgedCookie(v viewer) string {
	good := v.cookieValue(time.Now().Add(time.Hour))
	return good[:len(good)-4] + "beef"
}

// Honest viewers share addresses, and such requests are cheap to reject.
func TestExpiredCredentialsAreNotCounted(t *testing.T) {
	t.Parallel()
	for name, who := range map[string]requestOption{
		"an expired cookie":      all(cookie(anna().cookieValue(time.Now().Add(-time.Minute))), nonce("0123456789")),
		"a damaged cookie":       all(cookie("demo.user|1|x|y"), nonce("0123456789")),
		"no cookie, but a nonce": nonce("0123456789"),
		"an expired token":       bearer(sign(jwt.MapClaims{"sub": "7", "exp": time.Now().Add(-time.Minute).Unix()})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, func(c *httpapi.Config) { c.RateLogin = lowRate(2) })
			for range 10 {
				s.call(t, "GET", "/session", "", who).assertError(t, "401 rest_not_logged_in")
			}
		})
	}
}

// The invalid nonces of one viewer do not count for another at the same address.
func TestInvalidNoncesCountPerViewer(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *httpapi.Config) { c.RateLogin = lowRate(1) })
	for _, v := range []viewer{anna(), boris()} {
		s.call(t, "GET", "/session", "", all(loggedIn(v), nonce("0123456789"))).assertError(t, "403 rest_cookie_invalid_nonce")
		s.call(t, "GET", "/session", "", all(loggedIn(v), nonce("0123456789"))).assertError(t, tooMany)
	}
}

func TestFailedLoginsCountPerNetwork(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *httpapi.Config) {
		c.RateLogin = lowRate(1)
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	for _, tt := range []struct{ from, want string }{
		{"192.0.2.1", "401 rest_not_logged_in"},
		{"192.0.2.1", tooMany},
		{"::ffff:192.0.2.1", tooMany},
		{"192.0.2.2", "401 rest_not_logged_in"},
		{"2001:db8:1:2::3", "401 rest_not_logged_in"},
		{"2001:db8:1:2:ffff::4", tooMany},
		{"2001:db8:1:3::3", "401 rest_not_logged_in"},
	} {
		res := s.call(t, "GET", "/session", "", bearer("x"), header("X-Forwarded-For", tt.from))
		assert.Equal(t, tt.want, res.summary(), fmt.Sprint(tt))
	}
}

func TestZeroRateMeansNoLimit(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for range 50 {
		s.call(t, "GET", "/session", "", bearer("x")).assertError(t, "401 rest_not_logged_in")
	}
}
