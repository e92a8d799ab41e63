package wordpress

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A change in WordPress that ends a login is visible immediately for a cookie
// that is not cached, and within 30 s for one that is.
func TestRevokedLogins(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		statement string
		want      error
	}{
		"logged out":         {"UPDATE wp_usermeta SET meta_value = 'a:0:{}' WHERE meta_key = 'session_tokens'", errNoSession},
		"sessions destroyed": {"DELETE FROM wp_usermeta WHERE meta_key = 'session_tokens'", errNoSession},
		"another session":    {"UPDATE wp_usermeta SET meta_value = REPLACE(meta_value, '" + goldenVerifier + "', REPEAT('0', 64))", errNoSession},
		"session shortened":  {"UPDATE wp_usermeta SET meta_value = REPLACE(meta_value, '1893456000', '0000000001')", errNoSession},
		"password changed":   {"UPDATE wp_users SET user_pass = '$wp$2y$10$oxkvmOZ722TlF1H8Z4T7J.unp1llL1kR3YynDATrqXmOnDu7aaaa'", errSignature},
		"password emptied":   {"UPDATE wp_users SET user_pass = ''", errSignature},
		"user deleted":       {"DELETE FROM wp_users", errNoUser},
		"user renamed":       {"UPDATE wp_users SET user_login = 'other'", errNoUser},
		"user id changed":    {"UPDATE wp_users SET ID = 8", errNoSession},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			uncached := encodedCookie(cookiePrefix+"uncached", s.golden.value())
			_, err := s.verify(t, s.goldenCookie())
			require.NoError(t, err)
			s.exec(t, tt.statement)

			_, err = s.verify(t, uncached)
			assert.ErrorIs(t, err, tt.want, "not cached")
			s.advance(30*time.Second - 1)
			_, err = s.verify(t, s.goldenCookie())
			require.NoError(t, err, "cached")
			s.advance(1)
			for range 2 {
				_, err = s.verify(t, s.goldenCookie())
				assert.ErrorIs(t, err, tt.want)
				s.advance(time.Hour / 4)
			}
		})
	}
}

// Otherwise an attacker could avoid the rate limit for forged cookies by adding
// invalid ones.
func TestForgedCookieIsReportedAmongInvalidOnes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	value := s.golden.value()
	forged := encodedCookie(cookiePrefix+"f", value[:len(value)-1]+"x")
	malformed := encodedCookie(cookiePrefix+"m", "x")
	expired := encodedCookie(cookiePrefix+"e", signCookie(goldenSalts(t), goldenLogin, "PcfO", 1, goldenToken))
	for name, cookies := range map[string][]*http.Cookie{
		"alone":                {forged},
		"malformed after":      {forged, malformed},
		"malformed before":     {malformed, forged},
		"expired after":        {forged, expired},
		"between both":         {expired, forged, malformed},
		"with another forgery": {forged, encodedCookie(cookiePrefix+"g", "root"+value), malformed},
	} {
		_, err := s.verify(t, cookies...)
		assert.ErrorIs(t, err, ErrForged, name)
	}
	_, err := s.verify(t, malformed, expired)
	assert.NotErrorIs(t, err, ErrForged, "browsers may send outdated cookies")
	_, err = s.verify(t, forged, malformed, s.goldenCookie())
	assert.NoError(t, err, "a forged cookie does not hide a valid one")
}
