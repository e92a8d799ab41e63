package httpapi_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/httpapi"
)

const tooMany = "429 autowebinar_too_many_requests"

// scarce lets a few requests pass and then one in 100 seconds.
func lowRate(burst int) httpapi.Rate { return httpapi.Rate{PerSecond: 0.01, Burst: burst} }

// waits reads Retry-After: after a burst it is a little less than 100 seconds.
func assertRetryAfter(t testing.TB, a response) {
	t.Helper()
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
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
		a := s.call(t, "POST", "/enter", `{"webinar_id":"pro"}`, who)
		a.assertError(t, tooMany)
		assertRetryAfter(t, a)
	}
	assert.NotEmpty(t, s.call(t, "GET", "/session", "", page(anna())).header.Get("X-WP-Nonce"))
	assert.Equal(t, before, s.db.Meta(t, 7))

	assert.Equal(t, 201, s.call(t, "POST", "/enter", `{"webinar_id":"pro"}`, page(boris())).status, "others are not held up")
	for range 5 {
		a := s.call(t, "POST", "/users/7/enter", `{"webinar_id":"intro"}`, asService())
		assert.Equal(t, 200, a.status, "nor is a service key")
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
		"a forged cookie": {both(cookie(forgedCookie(anna())), nonce("0123456789")), "401 rest_not_logged_in"},
		"a wrong nonce":   {both(loggedIn(anna()), nonce("0123456789")), "403 rest_cookie_invalid_nonce"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, func(c *httpapi.Config) { c.RateLogin = lowRate(2) })
			for range 2 {
				s.call(t, "GET", "/session", "", tt.who).assertError(t, tt.want)
			}
			a := s.call(t, "GET", "/session", "", tt.who)
			a.assertError(t, tooMany) // wp.apiFetch, which would try a nonce again for ever, stops here
			assertRetryAfter(t, a)
			s.call(t, "POST", "/attendance", "{}", tt.who).assertError(t, tooMany)

			s.call(t, "GET", "/session", "").assertError(t, "401 rest_not_logged_in")
			s.call(t, "GET", "/session", "", loggedIn(anna())).assertError(t, "401 rest_not_logged_in")
			assert.Equal(t, 201, s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, page(anna())).status,
				"who is behind the same proxy gets in")
			s.call(t, "POST", "/users/7/enter", "{}", token(7)).assertError(t, "403 rest_forbidden")
		})
	}
}

// forged is a cookie that the viewer's WordPress never made.
func forgedCookie(v viewer) string {
	good := v.cookieValue(time.Now().Add(time.Hour))
	return good[:len(good)-4] + "beef"
}

// Honest viewers share addresses, and nothing is saved by refusing what is
// cheap to refuse.
func TestExpiredCredentialsAreNotCounted(t *testing.T) {
	t.Parallel()
	for name, who := range map[string]requestOption{
		"an expired cookie":      both(cookie(anna().cookieValue(time.Now().Add(-time.Minute))), nonce("0123456789")),
		"a damaged cookie":       both(cookie("demo.user|1|x|y"), nonce("0123456789")),
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

// One viewer's wrong nonces are not another's, whatever address they share.
func TestInvalidNoncesCountPerViewer(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *httpapi.Config) { c.RateLogin = lowRate(1) })
	for _, v := range []viewer{anna(), boris()} {
		s.call(t, "GET", "/session", "", both(loggedIn(v), nonce("0123456789"))).assertError(t, "403 rest_cookie_invalid_nonce")
		s.call(t, "GET", "/session", "", both(loggedIn(v), nonce("0123456789"))).assertError(t, tooMany)
	}
}

func both(one, other requestOption) requestOption {
	return func(r *http.Request) {
		one(r)
		other(r)
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
		a := s.call(t, "GET", "/session", "", bearer("x"), header("X-Forwarded-For", tt.from))
		assert.Equal(t, tt.want, a.summary(), fmt.Sprint(tt))
	}
}

func TestZeroRateMeansNoLimit(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for range 50 {
		s.call(t, "GET", "/session", "", bearer("x")).assertError(t, "401 rest_not_logged_in")
	}
}
