package httpapi_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/wordpress"
)

const (
	jwtSecret      = "viewer-token-secret-0123456789abcdef"
	serviceKey     = "service-key-now-0123456789abcdef"
	nextServiceKey = "service-key-next-0123456789abcdef"

	loggedInSalt = `li-key-71|"x` + "li-salt-71 $&"
	nonceSalt    = "nonce-key-71" + "nonce-salt-71"
	cookieName   = "wordpress_logged_in_0123456789abcdef0123456789abcdef"
)

func salts(t testing.TB) wordpress.Salts {
	t.Helper()
	s, err := wordpress.NewSalts(map[string]string{
		"AUTH_KEY": "auth-key", "AUTH_SALT": "auth-salt",
		"SECURE_AUTH_KEY": "secure-key", "SECURE_AUTH_SALT": "secure-salt",
		"LOGGED_IN_KEY": `li-key-71|"x`, "LOGGED_IN_SALT": "li-salt-71 $&",
		"NONCE_KEY": "nonce-key-71", "NONCE_SALT": "nonce-salt-71",
	})
	require.NoError(t, err)
	return s
}

// viewer is a WordPress user with a login.
type viewer struct {
	id       uint64
	login    string
	pass     string // the stored hash
	fragment string // the part of it that WordPress signs
	token    string // of the login session
}

func anna() viewer {
	return viewer{
		7, "demo.user", "$wp$2y$10$oxkvmOZ722TlF1H8Z4T7J.unp1llL1kR3YynDATrqXmOnDu7hPcfO", "PcfO",
		"AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfG",
	}
}

func boris() viewer {
	return viewer{
		8, "boris@example.test", "$P$B8CcQhJ9QZsm.hW9icFgXmDpJpJN0E/", "hJ9Q",
		"ZyXwVuTsRqPoNmLkJiHgFeDcBa9876543210ZyXwVuT",
	}
}

// cookieValue returns the cookie that WordPress would set, before encoding.
func (v viewer) cookieValue(expires time.Time) string {
	key := macHex(md5.New, loggedInSalt, fmt.Sprintf("%s|%s|%d|%s", v.login, v.fragment, expires.Unix(), v.token))
	signed := fmt.Sprintf("%s|%d|%s", v.login, expires.Unix(), v.token)
	return signed + "|" + macHex(sha256.New, key, signed)
}

func (v viewer) sessionTokens(expires time.Time) string {
	verifier := sha256.Sum256([]byte(v.token))
	return fmt.Sprintf(`a:1:{s:64:"%x";a:2:{s:10:"expiration";i:%d;s:5:"login";i:1795290122;}}`, verifier, expires.Unix())
}

// nonceAt returns the wp_rest nonce that WordPress would give the viewer.
func (v viewer) nonceAt(at time.Time) string {
	tick := (at.Unix() + 43199) / 43200
	return macHex(md5.New, nonceSalt, fmt.Sprintf("%d|wp_rest|%d|%s", tick, v.id, v.token))[20:30]
}

func macHex(algo func() hash.Hash, key, data string) string {
	m := hmac.New(algo, []byte(key))
	m.Write([]byte(data))
	return hex.EncodeToString(m.Sum(nil))
}

// cookie sends the login cookie as browsers do after PHP's setcookie.
func cookie(value string) requestOption {
	return func(r *http.Request) {
		r.Header.Add("Cookie", cookieName+"="+strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
	}
}

// loggedIn sends the viewer's cookie without a nonce.
func loggedIn(v viewer) requestOption { return cookie(v.cookieValue(time.Now().Add(time.Hour))) }

func nonce(value string) requestOption { return header("X-WP-Nonce", value) }

// page sends cookie and nonce, as a page of the logged-in viewer does.
func page(v viewer) requestOption {
	return func(r *http.Request) {
		loggedIn(v)(r)
		nonce(v.nonceAt(time.Now()))(r)
	}
}

func bearer(token string) requestOption { return header("Authorization", "Bearer "+token) }

func asService() requestOption { return bearer(serviceKey) }

// token sends a valid viewer token.
func token(user uint64) requestOption { return bearer(sign(jwt.MapClaims{"sub": fmt.Sprint(user)})) }

// sign returns an HS256 token, by default valid for an hour. Claims that are nil
// are left out.
func sign(claims jwt.MapClaims) string {
	return signAs(jwt.SigningMethodHS256, []byte(jwtSecret), claims)
}

func signAs(method jwt.SigningMethod, secret any, claims jwt.MapClaims) string {
	all := jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range claims {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	signed, err := jwt.NewWithClaims(method, all).SignedString(secret)
	if err != nil {
		panic(err)
	}
	return signed
}

// anonymous sends no credentials.
func anonymous(*http.Request) {}
