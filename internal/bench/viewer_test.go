package bench

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// passwordHash has a form for which every WordPress since 5.7 puts the same
// part of the hash into its cookies.
const passwordHash = "$P$B8CcQhJ9QZsm.hW9icFgXmDpJpJN0E/"

// cookieName is the name of the login cookie if COOKIEHASH is "bench".
const cookieName = "wordpress_logged_in_bench"

// firstViewerID is higher than the ids of the users that the installation
// creates.
const firstViewerID = 1001

func salts() map[string]string {
	return map[string]string{
		"AUTH_KEY": "bench-auth-key", "SECURE_AUTH_KEY": "bench-secure-auth-key",
		"LOGGED_IN_KEY": "bench-logged-in-key", "NONCE_KEY": "bench-nonce-key",
		"AUTH_SALT": "bench-auth-salt", "SECURE_AUTH_SALT": "bench-secure-auth-salt",
		"LOGGED_IN_SALT": "bench-logged-in-salt", "NONCE_SALT": "bench-nonce-salt",
	}
}

// saltVariables returns the salts as environment variables of the official
// WordPress image.
func saltVariables() []string {
	var all []string
	for name, value := range salts() {
		all = append(all, "WORDPRESS_"+name+"="+value)
	}
	return all
}

// viewer is a logged-in WordPress user.
type viewer struct {
	id      uint64
	login   string
	token   string
	expires int64
	cookie  string // the whole Cookie header
	nonce   string
}

func newViewers(count int) []viewer {
	expires := time.Now().Add(24 * time.Hour).Unix()
	viewers := make([]viewer, count)
	for i := range viewers {
		v := viewer{id: uint64(firstViewerID + i), expires: expires}
		v.login = fmt.Sprintf("viewer.%d", v.id)
		v.token = fmt.Sprintf("BenchToken%033d", v.id) // 43 characters
		v.signLogin()
		viewers[i] = v
	}
	return viewers
}

// signLogin sets cookie and nonce like wp_generate_auth_cookie and wp_create_nonce.
func (v *viewer) signLogin() {
	s := salts()
	expires := strconv.FormatInt(v.expires, 10)
	key := mac(md5.New, s["LOGGED_IN_KEY"]+s["LOGGED_IN_SALT"], strings.Join([]string{v.login, passwordHash[8:12], expires, v.token}, "|"))
	signature := mac(sha256.New, key, strings.Join([]string{v.login, expires, v.token}, "|"))
	v.cookie = cookieName + "=" + url.PathEscape(strings.Join([]string{v.login, expires, v.token, signature}, "|"))

	tick := (time.Now().Unix() + 43199) / 43200
	v.nonce = mac(md5.New, s["NONCE_KEY"]+s["NONCE_SALT"], fmt.Sprintf("%d|wp_rest|%d|%s", tick, v.id, v.token))[20:30]
}

// sessionTokens returns the PHP-serialized value of the meta key session_tokens.
func (v *viewer) sessionTokens() string {
	verifier := sha256.Sum256([]byte(v.token))
	return fmt.Sprintf(`a:1:{s:64:"%x";a:4:{s:10:"expiration";i:%d;s:2:"ip";s:9:"127.0.0.1";s:2:"ua";s:5:"bench";s:5:"login";i:%d;}}`,
		verifier, v.expires, v.expires-86400)
}

func mac(algorithm func() hash.Hash, key, text string) string {
	h := hmac.New(algorithm, []byte(key))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// writeLogins writes a file of logins for wrk, one per line.
func writeLogins(b *testing.B, viewers []viewer) string {
	b.Helper()
	var text strings.Builder
	for _, v := range viewers {
		fmt.Fprintf(&text, "%s\t%s\n", v.cookie, v.nonce)
	}
	path := filepath.Join(b.TempDir(), "logins")
	require.NoError(b, os.WriteFile(path, []byte(text.String()), 0o600))
	return path
}
