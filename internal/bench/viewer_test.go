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

// Every WordPress since 5.7 takes the same part of this hash into its cookies.
const passwordHash = "$P$B8CcQhJ9QZsm.hW9icFgXmDpJpJN0E/"

// cookieName is that of a WordPress whose COOKIEHASH is "bench".
const cookieName = "wordpress_logged_in_bench"

// firstViewerID leaves the lower ids to who installs WordPress.
const firstViewerID = 1001

func salts() map[string]string {
	return map[string]string{
		"AUTH_KEY": "bench-auth-key", "SECURE_AUTH_KEY": "bench-secure-auth-key",
		"LOGGED_IN_KEY": "bench-logged-in-key", "NONCE_KEY": "bench-nonce-key",
		"AUTH_SALT": "bench-auth-salt", "SECURE_AUTH_SALT": "bench-secure-auth-salt",
		"LOGGED_IN_SALT": "bench-logged-in-salt", "NONCE_SALT": "bench-nonce-salt",
	}
}

// saltVariables are the salts under the names of the official WordPress image.
func saltVariables() []string {
	var all []string
	for name, value := range salts() {
		all = append(all, "WORDPRESS_"+name+"="+value)
	}
	return all
}

// viewer is a WordPress user with a login of their own.
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
	people := make([]viewer, count)
	for i := range people {
		p := viewer{id: uint64(firstViewerID + i), expires: expires}
		p.login = fmt.Sprintf("viewer.%d", p.id)
		p.token = fmt.Sprintf("BenchToken%033d", p.id) // 43 characters
		p.signLogin()
		people[i] = p
	}
	return people
}

// signLogin makes cookie and nonce as wp_generate_auth_cookie and wp_create_nonce do.
func (p *viewer) signLogin() {
	s := salts()
	expires := strconv.FormatInt(p.expires, 10)
	key := mac(md5.New, s["LOGGED_IN_KEY"]+s["LOGGED_IN_SALT"], strings.Join([]string{p.login, passwordHash[8:12], expires, p.token}, "|"))
	proof := mac(sha256.New, key, strings.Join([]string{p.login, expires, p.token}, "|"))
	p.cookie = cookieName + "=" + url.PathEscape(strings.Join([]string{p.login, expires, p.token, proof}, "|"))

	tick := (time.Now().Unix() + 43199) / 43200
	p.nonce = mac(md5.New, s["NONCE_KEY"]+s["NONCE_SALT"], fmt.Sprintf("%d|wp_rest|%d|%s", tick, p.id, p.token))[20:30]
}

// sessionTokens is the user's session, PHP-serialized.
func (p *viewer) sessionTokens() string {
	verifier := sha256.Sum256([]byte(p.token))
	return fmt.Sprintf(`a:1:{s:64:"%x";a:4:{s:10:"expiration";i:%d;s:2:"ip";s:9:"127.0.0.1";s:2:"ua";s:5:"bench";s:5:"login";i:%d;}}`,
		verifier, p.expires, p.expires-86400)
}

func mac(algorithm func() hash.Hash, key, text string) string {
	h := hmac.New(algorithm, []byte(key))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// writeLogins writes the logins for wrk, a line each.
func writeLogins(b *testing.B, people []viewer) string {
	b.Helper()
	var text strings.Builder
	for _, p := range people {
		fmt.Fprintf(&text, "%s\t%s\n", p.cookie, p.nonce)
	}
	path := filepath.Join(b.TempDir(), "people")
	require.NoError(b, os.WriteFile(path, []byte(text.String()), 0o600))
	return path
}
