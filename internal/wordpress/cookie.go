package wordpress

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxCookieBytes is what browsers store at most.
const maxCookieBytes = 4096

// claim is a parsed cookie: what the browser says, of which nothing is proved.
type claim struct {
	login      string
	expiration string // as written, because the signature covers the text
	expires    int64  // the same as a number: Unix seconds
	token      string
	mac        string
}

// parseCookie reads `login|expiration|token|hmac` from the value as it stood in
// the Cookie header, percent-encoded.
func parseCookie(value string) (claim, error) {
	if len(value) > maxCookieBytes {
		return claim{}, errMalformed
	}
	// Not QueryUnescape: in PHP's eyes a plus sign of a cookie is a plus sign.
	plain, err := url.PathUnescape(value)
	if err != nil {
		return claim{}, errMalformed
	}
	parts := strings.Split(plain, "|")
	if len(parts) != 4 {
		return claim{}, errMalformed
	}
	c := claim{login: parts[0], expiration: parts[1], token: parts[2], mac: parts[3]}
	// Invalid UTF-8 would come back from the database as an error.
	if c.login == "" || c.token == "" || !utf8.ValidString(c.login) || len(c.mac) != 2*sha256.Size {
		return claim{}, errMalformed
	}
	expires, err := strconv.ParseUint(c.expiration, 10, 63)
	if err != nil {
		return claim{}, errMalformed
	}
	c.expires = int64(expires)
	return c, nil
}

// expired reports whether now is past the last valid second. The hour of grace
// that WordPress gives a POST has no effect there, because the session expires
// with the cookie, so there is none here.
func (c claim) expired(now time.Time) bool { return c.expires < now.Unix() }

// signed reports whether WordPress made the cookie for an account with this
// password hash.
func (c claim) signed(salts Salts, userPass string) bool {
	if !salts.usable() {
		return false
	}
	genuine := false
	for _, fragment := range passFragments(userPass) {
		key := hexMAC(md5.New, salts.loggedIn, c.login+"|"+fragment+"|"+c.expiration+"|"+c.token)
		want := hexMAC(sha256.New, key, c.login+"|"+c.expiration+"|"+c.token)
		if hmac.Equal([]byte(want), []byte(c.mac)) {
			genuine = true
		}
	}
	return genuine
}

// verifier is the key of the cookie's session in session_tokens.
func (c claim) verifier() string {
	sum := sha256.Sum256([]byte(c.token))
	return hex.EncodeToString(sum[:])
}

// passFragments returns the part of the password hash that goes into the
// signature. WordPress before 6.8 always takes bytes 8 to 11; 6.8 takes the last
// four but for the two formats of old. The remaining hashes (plain MD5, argon2,
// those of plugins) exist under both, and the signature decides.
func passFragments(userPass string) []string {
	early := userPass[min(8, len(userPass)):min(12, len(userPass))]
	last := userPass[max(0, len(userPass)-4):]
	switch {
	case strings.HasPrefix(userPass, "$P$"), strings.HasPrefix(userPass, "$2y$"):
		return []string{early}
	case strings.HasPrefix(userPass, "$wp$"):
		return []string{last}
	}
	return []string{last, early}
}

// hexMAC is PHP's hash_hmac.
func hexMAC(algo func() hash.Hash, key, data string) string {
	mac := hmac.New(algo, []byte(key))
	mac.Write([]byte(data))
	return hex.EncodeToString(mac.Sum(nil))
}
