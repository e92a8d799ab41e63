package demo

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The making of logins, as wp_generate_auth_cookie and wp_create_nonce do it
// (wp-includes/pluggable.php, WordPress 6.8 and later). It is written apart from
// the service's verification on purpose: the demo plays WordPress.

// saltNames are the constants of wp-config.php that logins are signed with.
var saltNames = []string{
	"AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY",
	"AUTH_SALT", "SECURE_AUTH_SALT", "LOGGED_IN_SALT", "NONCE_SALT",
}

// loginCookie is the value of a wordpress_logged_in_ cookie, percent-encoded as
// it goes over the wire. salt is LOGGED_IN_KEY and LOGGED_IN_SALT in one.
func loginCookie(salt, login, userPass string, expires time.Time, token string) string {
	expiration := strconv.FormatInt(expires.Unix(), 10)
	key := hexMAC(md5.New, salt, strings.Join([]string{login, passFragment(userPass), expiration, token}, "|"))
	mac := hexMAC(sha256.New, key, strings.Join([]string{login, expiration, token}, "|"))
	return url.PathEscape(strings.Join([]string{login, expiration, token, mac}, "|"))
}

// passFragment is the part of a password hash that a cookie depends on, so that
// a new password ends every session.
func passFragment(userPass string) string {
	if strings.HasPrefix(userPass, "$P$") || strings.HasPrefix(userPass, "$2y$") {
		return userPass[8:12]
	}
	return userPass[len(userPass)-4:]
}

// restNonce is the wp_rest nonce of the tick in which now falls. salt is
// NONCE_KEY and NONCE_SALT in one.
func restNonce(salt string, now time.Time, user uint64, token string) string {
	return nonceAtTick(salt, (now.Unix()+halfLife-1)/halfLife, user, token)
}

const halfLife = 12 * 60 * 60 // seconds; a nonce is good for the tick it was made in and the next

func nonceAtTick(salt string, tick int64, user uint64, token string) string {
	mac := hexMAC(md5.New, salt, fmt.Sprintf("%d|wp_rest|%d|%s", tick, user, token))
	return mac[20:30]
}

// verifier is the key of a session in the meta value session_tokens.
func verifier(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// sessionTokens is a session_tokens value with one session, PHP-serialized.
func sessionTokens(token string, from, until time.Time) string {
	return fmt.Sprintf(`a:1:{s:64:"%s";a:4:{s:10:"expiration";i:%d;s:2:"ip";s:9:"127.0.0.1";s:2:"ua";s:4:"demo";s:5:"login";i:%d;}}`,
		verifier(token), until.Unix(), from.Unix())
}

func hexMAC(algo func() hash.Hash, key, data string) string {
	mac := hmac.New(algo, []byte(key))
	mac.Write([]byte(data))
	return hex.EncodeToString(mac.Sum(nil))
}
