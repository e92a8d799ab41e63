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

// This file creates logins as wp_generate_auth_cookie and wp_create_nonce do
// (wp-includes/pluggable.php, WordPress 6.8 and later). It shares no code with the
// service's verification, so that a mistake in one fails the tests of the other.

// saltNames are the constants of wp-config.php with which logins are signed.
var saltNames = []string{
	"AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY",
	"AUTH_SALT", "SECURE_AUTH_SALT", "LOGGED_IN_SALT", "NONCE_SALT",
}

// loginCookie returns the percent-encoded value of a wordpress_logged_in_ cookie.
// salt is LOGGED_IN_KEY followed by LOGGED_IN_SALT.
func loginCookie(salt, login, userPass string, expires time.Time, token string) string {
	expiration := strconv.FormatInt(expires.Unix(), 10)
	key := hexMAC(md5.New, salt, strings.Join([]string{login, passwordFragment(userPass), expiration, token}, "|"))
	mac := hexMAC(sha256.New, key, strings.Join([]string{login, expiration, token}, "|"))
	return url.PathEscape(strings.Join([]string{login, expiration, token, mac}, "|"))
}

// passwordFragment returns the part of a password hash that the cookie depends
// on, so that a new password invalidates every cookie.
func passwordFragment(userPass string) string {
	if strings.HasPrefix(userPass, "$P$") || strings.HasPrefix(userPass, "$2y$") {
		return userPass[8:12]
	}
	return userPass[len(userPass)-4:]
}

// restNonce returns the wp_rest nonce of the tick that contains now. salt is
// NONCE_KEY followed by NONCE_SALT.
func restNonce(salt string, now time.Time, user uint64, token string) string {
	return nonceAtTick(salt, (now.Unix()+nonceTick-1)/nonceTick, user, token)
}

// nonceTick is 12 hours in seconds. A nonce is valid in its tick and the next.
const nonceTick = 12 * 60 * 60

func nonceAtTick(salt string, tick int64, user uint64, token string) string {
	mac := hexMAC(md5.New, salt, fmt.Sprintf("%d|wp_rest|%d|%s", tick, user, token))
	return mac[20:30]
}

// sessionKey returns the key of a login session in the meta value session_tokens.
func sessionKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// sessionTokens returns a session_tokens value with one session, PHP-serialized.
func sessionTokens(token string, from, until time.Time) string {
	return fmt.Sprintf(`a:1:{s:64:"%s";a:4:{s:10:"expiration";i:%d;s:2:"ip";s:9:"127.0.0.1";s:2:"ua";s:4:"demo";s:5:"login";i:%d;}}`,
		sessionKey(token), until.Unix(), from.Unix())
}

func hexMAC(algo func() hash.Hash, key, data string) string {
	mac := hmac.New(algo, []byte(key))
	mac.Write([]byte(data))
	return hex.EncodeToString(mac.Sum(nil))
}
