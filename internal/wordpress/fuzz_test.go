package wordpress

import (
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

// FuzzNonce checks that exactly two nonces of a login are valid at a time.
func FuzzNonce(f *testing.F) {
	salts, at := goldenSalts(f), beforeExpiry()
	tick := nonceTick(at, 24*time.Hour)
	for age := range int64(3) {
		f.Add(nonceAt(salts, tick-age, 7, goldenToken), uint64(7), goldenToken)
	}
	f.Add(nonceAt(salts, tick, 8, goldenToken), uint64(7), goldenToken)
	f.Add(nonceAt(salts, tick, 7, "another"), uint64(7), goldenToken)
	f.Add(nonceAt(salts, tick, 0, ""), uint64(0), "")
	f.Add("", uint64(7), "a|b")
	logins := NewLogins(Config{Salts: salts, Now: func() time.Time { return at }})
	f.Fuzz(func(t *testing.T, nonce string, user uint64, token string) {
		login := Login{User: webinar.UserID(user), token: token}
		valid := user != 0 && (nonce == nonceAt(salts, tick, login.User, token) || nonce == nonceAt(salts, tick-1, login.User, token))
		require.Equal(t, valid, logins.CheckNonce(login, nonce))
		if user != 0 {
			current := logins.Nonce(login)
			assert.Len(t, current, 10)
			assert.True(t, logins.CheckNonce(login, current))
		}
	})
}

// FuzzSessionTokens checks that a session has an expiry only if the row contains
// it.
func FuzzSessionTokens(f *testing.F) {
	f.Add([]byte(serializedSession(goldenVerifier, goldenExpiration)), goldenVerifier)
	for _, seed := range []string{
		`a:1:{s:1:"v";i:5;}`, `a:1:{s:1:"v";a:1:{s:10:"expiration";s:2:"-7";}}`, `a:1:{i:5;a:1:{s:10:"expiration";d:1.8E+99;}}`,
		`a:1:{s:1:"v";a:1:{s:10:"expiration";a:0:{}}}`, `O:8:"stdClass":0:{}`, `s:1:"v";`, "", "N;", `a:2:{s:1:"v";i:1;s:1:"v";b:1;}`,
	} {
		f.Add([]byte(seed), "v")
	}
	f.Fuzz(func(t *testing.T, row []byte, verifier string) {
		expires, err := sessionExpiry(row, verifier)
		switch {
		case err != nil:
			require.Zero(t, expires)
			require.True(t, errors.Is(err, errNoSession) || errors.Is(err, errSerialized), "%v", err)
			assert.NotContains(t, err.Error(), goldenVerifier, "errors contain no tokens")
		default:
			require.Contains(t, string(row), verifier)
			assert.Less(t, math.Abs(float64(expires)), float64(math.MaxInt64))
		}
	})
}

// FuzzCookieHeader checks that candidates are login cookies with unique names,
// as PHP sees them.
func FuzzCookieHeader(f *testing.F) {
	valid := cookieName + "=" + goldenCookies()[0].value()
	for _, seed := range []string{
		valid, "a=b; " + valid + "; " + cookieName + "=x", `wordpress_logged_in_="x|1|y|z"`, "wordpress_logged_in_a=1;wordpress_logged_in_a=2;wordpress_logged_in_b",
		"WORDPRESS_LOGGED_IN_a=1", strings.Repeat("wordpress_logged_in_a=|||;", 50), "=;;;,", "wordpress_logged_in_%61=\x00",
	} {
		f.Add(seed)
	}
	logins := NewLogins(Config{Salts: goldenSalts(f)})
	f.Fuzz(func(t *testing.T, header string) {
		sent := (&http.Request{Header: http.Header{"Cookie": {header}}}).Cookies()
		seen := map[string]bool{}
		for _, c := range logins.candidates(sent) {
			assert.True(t, strings.HasPrefix(c.Name, cookiePrefix))
			assert.False(t, seen[c.Name])
			seen[c.Name] = true
			cookie, err := parseCookie(c.Value)
			if err != nil {
				require.ErrorIs(t, err, errMalformed)
				continue
			}
			assert.LessOrEqual(t, len(cookie.login)+len(cookie.token)+len(cookie.mac), maxCookieBytes)
			assert.Len(t, cookie.verifier(), 64)
		}
	})
}

// FuzzLexPHP checks that tokens are in the order of their lines and together not
// much longer than the file.
func FuzzLexPHP(f *testing.F) {
	for _, seed := range []string{
		"<?php define('A', 'b');", "<?php /* */ # x\n?> html <?= `ls` ?>", "<?php <<<\"X\"\n $a\n X;\n 'it\\'s' \"\\u{1F600}\\x41\\101\"",
		"<?php __halt_compiler(); 'no end", "<?php \\define(\"A\", __DIR__ . 'x'); $table_prefix .= 'y';", "<?php <<<A\nA", "'", "<?php if(1):elseif(2):else:endif;}}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		tokens, err := lexPHP(src)
		if err != nil {
			require.ErrorIs(t, err, ErrConfigFile)
			require.Empty(t, tokens)
			return
		}
		require.LessOrEqual(t, len(tokens), len(src)+1)
		var flow phpFlow
		line, text := 0, 0
		for i, token := range tokens {
			flow.advance(tokens, i)
			require.GreaterOrEqual(t, token.line, line)
			line, text = token.line, text+len(token.text)
			require.GreaterOrEqual(t, flow.parens, 0)
			require.LessOrEqual(t, flow.start, i)
		}
		require.LessOrEqual(t, text, 2*len(src)+len(tokens), "an escape may be shorter than its value")
		require.LessOrEqual(t, len(flow.blocks), len(tokens))
	})
}
