package wordpress

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWhatEndsALogin: whatever ends a login at WordPress ends it here, at once
// for a cookie that was not seen lately, within half a minute for one that was.
func TestWhatEndsALogin(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		statement string
		want      error
	}{
		"logged out":          {"UPDATE wp_usermeta SET meta_value = 'a:0:{}' WHERE meta_key = 'session_tokens'", errNoSession},
		"sessions destroyed":  {"DELETE FROM wp_usermeta WHERE meta_key = 'session_tokens'", errNoSession},
		"another session":     {"UPDATE wp_usermeta SET meta_value = REPLACE(meta_value, '" + goldenVerifier + "', REPEAT('0', 64))", errNoSession},
		"session cut short":   {"UPDATE wp_usermeta SET meta_value = REPLACE(meta_value, '1893456000', '0000000001')", errNoSession},
		"password changed":    {"UPDATE wp_users SET user_pass = '$wp$2y$10$oxkvmOZ722TlF1H8Z4T7J.unp1llL1kR3YynDATrqXmOnDu7aaaa'", errSignature},
		"password emptied":    {"UPDATE wp_users SET user_pass = ''", errSignature},
		"user deleted":        {"DELETE FROM wp_users", errNoUser},
		"user renamed":        {"UPDATE wp_users SET user_login = 'somebody-else'", errNoUser},
		"another of the name": {"UPDATE wp_users SET ID = 8", errNoSession},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			elsewhere := browser(cookiePrefix+"elsewhere", s.golden.value())
			_, err := s.verify(t, s.goldenCookie())
			require.NoError(t, err)
			s.exec(t, tt.statement)

			_, err = s.verify(t, elsewhere)
			assert.ErrorIs(t, err, tt.want, "not seen before")
			s.wait(30*time.Second - 1)
			_, err = s.verify(t, s.goldenCookie())
			require.NoError(t, err, "seen lately")
			s.wait(1)
			for range 2 {
				_, err = s.verify(t, s.goldenCookie())
				assert.ErrorIs(t, err, tt.want)
				s.wait(time.Hour / 4)
			}
		})
	}
}

// A forged cookie counts as one whatever stands around it: else who adds junk
// would guess without limit.
func TestJunkDoesNotHideAForgery(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	good := s.golden.value()
	forged := browser(cookiePrefix+"f", good[:len(good)-1]+"x")
	malformed := browser(cookiePrefix+"m", "x")
	expired := browser(cookiePrefix+"e", sign(goldenSalts(t), goldenLogin, "PcfO", 1, goldenToken))
	for name, cookies := range map[string][]*http.Cookie{
		"alone":                {forged},
		"malformed behind":     {forged, malformed},
		"malformed in front":   {malformed, forged},
		"expired behind":       {forged, expired},
		"between the two":      {expired, forged, malformed},
		"with another forgery": {forged, browser(cookiePrefix+"g", "root"+good), malformed},
	} {
		_, err := s.verify(t, cookies...)
		assert.ErrorIs(t, err, ErrForged, name)
	}
	_, err := s.verify(t, malformed, expired)
	assert.NotErrorIs(t, err, ErrForged, "honest browsers keep old cookies")
	_, err = s.verify(t, forged, malformed, s.goldenCookie())
	assert.NoError(t, err, "nor does it hide a good one")
}
