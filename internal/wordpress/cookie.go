package wordpress

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxCookieBytes is the largest cookie that browsers store.
const maxCookieBytes = 4096

// loginCookie is a parsed but unverified login cookie.
type loginCookie struct {
	login      string
	expiration string // as written, because the signature covers the text
	expires    int64  // expiration in Unix seconds
	token      string
	mac        string
}

// parseCookie parses `login|expiration|token|hmac` from the percent-encoded
// value in the Cookie header.
func parseCookie(value string) (loginCookie, error) {
	// Unlike QueryUnescape, PHP does not decode a plus sign in a cookie.
	decoded, err := url.PathUnescape(value)
	parts := strings.Split(decoded, "|")
	if err != nil || len(value) > maxCookieBytes || len(parts) != 4 {
		return loginCookie{}, errMalformed
	}
	c := loginCookie{login: parts[0], expiration: parts[1], token: parts[2], mac: parts[3]}
	expires, err := strconv.ParseUint(c.expiration, 10, 63)
	// The database would reject invalid UTF-8 with an error.
	if err != nil || c.login == "" || !utf8.ValidString(c.login) || c.token == "" || len(c.mac) != 2*sha256.Size {
		return loginCookie{}, errMalformed
	}
	c.expires = int64(expires)
	return c, nil
}

// expired reports whether now is past the last valid second. WordPress grants
// POST requests another hour, but to no effect, because the session expires
// together with the cookie.
func (c loginCookie) expired(now time.Time) bool { return c.expires < now.Unix() }

// signedFor reports whether WordPress signed the cookie for an account with
// this password hash.
func (c loginCookie) signedFor(salts Salts, userPass string) bool {
	if !salts.usable() {
		return false
	}
	ok := false
	for _, fragment := range passFragments(userPass) {
		key := hexMAC(md5.New, salts.loggedIn, c.login+"|"+fragment+"|"+c.expiration+"|"+c.token)
		want := hexMAC(sha256.New, key, c.login+"|"+c.expiration+"|"+c.token)
		if hmac.Equal([]byte(want), []byte(c.mac)) {
			ok = true
		}
	}
	return ok
}

// verifier returns the key of the cookie's session in session_tokens.
func (c loginCookie) verifier() string {
	sum := sha256.Sum256([]byte(c.token))
	return hex.EncodeToString(sum[:])
}

// passFragments returns the parts of the password hash that the signature may
// cover. WordPress before 6.8 uses bytes 8 to 11. WordPress 6.8 does so only for
// the two older formats and otherwise uses the last four bytes. Other hashes
// (plain MD5, argon2, those of plugins) exist in both, so both parts are tried.
func passFragments(userPass string) []string {
	middle := userPass[min(8, len(userPass)):min(12, len(userPass))]
	last := userPass[max(0, len(userPass)-4):]
	switch {
	case strings.HasPrefix(userPass, "$P$"), strings.HasPrefix(userPass, "$2y$"):
		return []string{middle}
	case strings.HasPrefix(userPass, "$wp$"):
		return []string{last}
	}
	return []string{last, middle}
}

// hexMAC computes what PHP's hash_hmac does.
func hexMAC(algo func() hash.Hash, key, data string) string {
	mac := hmac.New(algo, []byte(key))
	mac.Write([]byte(data))
	return hex.EncodeToString(mac.Sum(nil))
}

// sessionExpiry finds a session in the serialized value of session_tokens and
// returns its last valid second, in Unix time. The error is errNoSession, or
// errSerialized if the value is invalid.
func sessionExpiry(sessionTokens []byte, verifier string) (int64, error) {
	if len(sessionTokens) == 0 {
		return 0, errNoSession
	}
	value, err := unserialize(sessionTokens)
	if err != nil {
		return 0, err
	}
	sessions, _ := value.(map[string]any)
	session, ok := sessions[verifier]
	if !ok {
		return 0, errNoSession
	}
	// Old versions of WordPress stored only the expiration.
	if fields, ok := session.(map[string]any); ok {
		session = fields["expiration"]
	}
	expires, ok := unixSeconds(session)
	if !ok {
		return 0, errNoSession
	}
	return expires, nil
}

// unixSeconds converts a number in any type that PHP plugins store.
func unixSeconds(value any) (int64, bool) {
	switch n := value.(type) {
	case int64:
		return n, true
	case float64:
		return int64(n), math.Abs(n) < 1<<62
	case string:
		seconds, err := strconv.ParseInt(n, 10, 64)
		return seconds, err == nil
	}
	return 0, false
}
