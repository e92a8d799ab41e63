package httpapi_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/httpapi"
)

// The tests of attacks on authentication are listed in
// internal/e2e/authentication_test.go.

// signedWith returns the viewer's cookie, signed with another salt than the site's.
func (v viewer) signedWith(salt string, expires time.Time) string {
	key := macHex(md5.New, salt, fmt.Sprintf("%s|%s|%d|%s", v.login, v.fragment, expires.Unix(), v.token))
	signed := fmt.Sprintf("%s|%d|%s", v.login, expires.Unix(), v.token)
	return signed + "|" + macHex(sha256.New, key, signed)
}

func TestForgedCookies(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	later := time.Now().Add(time.Hour)
	good := anna().cookieValue(later)
	parts := strings.Split(good, "|")
	unknownUser := anna()
	unknownUser.login = "no.such.user"
	unknown := s.call(t, "GET", "/session", "", cookie(unknownUser.cookieValue(later)), nonce(anna().nonceAt(time.Now())))
	unknown.assertError(t, notLoggedIn)
	for name, value := range map[string]string{
		"a wrong signature":                              good[:len(good)-1] + "x",
		"no signature":                                   strings.Join(parts[:3], "|") + "|",
		"truncated":                                      good[:len(good)-1],
		"only a name":                                    parts[0],
		"a later expiry":                                 strings.Join([]string{parts[0], fmt.Sprint(later.Unix() + 86400), parts[2], parts[3]}, "|"),
		"another user's name":                            strings.Join([]string{boris().login, parts[1], parts[2], parts[3]}, "|"),
		"another session's token":                        strings.Join([]string{parts[0], parts[1], boris().token, parts[3]}, "|"),
		"signed with the nonce salt":                     anna().signedWith(nonceSalt, later),
		"signed with the auth salt":                      anna().signedWith("auth-keyauth-salt", later),
		"signed with the secure salt":                    anna().signedWith("secure-keysecure-salt", later),
		"signed with the logged-in key without its salt": anna().signedWith(`li-key-71|"x`, later),
		"signed without a salt":                          anna().signedWith("", later),
		"signed with the default salt":                   anna().signedWith("put your unique phrase hereput your unique phrase here", later),
		"an upper-case signature":                        strings.Join([]string{parts[0], parts[1], parts[2], strings.ToUpper(parts[3])}, "|"),
		"a fifth part":                                   good + "|x",
		"a blank before the time":                        strings.Join([]string{parts[0], " " + parts[1], parts[2], parts[3]}, "|"),
	} {
		res := s.call(t, "GET", "/session", "", cookie(value), nonce(anna().nonceAt(time.Now())))
		assert.Equal(t, notLoggedIn, res.summary(), name)
		assert.Equal(t, string(unknown.raw), string(res.raw), "%s: the same response as for an unknown user", name)
		assert.Equal(t, headerNames(unknown), headerNames(res), name)
	}
}

func headerNames(res response) map[string]bool {
	names := map[string]bool{}
	for name := range res.header {
		names[name] = true
	}
	return names
}

func TestForeignNonces(t *testing.T) {
	t.Parallel()
	s := setup(t)
	tick := (time.Now().Unix() + 43199) / 43200
	of := func(action string, user uint64, token, salt string) string {
		return macHex(md5.New, salt, fmt.Sprintf("%d|%s|%d|%s", tick, action, user, token))[20:30]
	}
	v := anna()
	require.Equal(t, v.nonceAt(time.Now()), of("wp_rest", v.id, v.token, nonceSalt))
	for name, value := range map[string]string{
		"log out":               of("log-out", v.id, v.token, nonceSalt),
		"no action":             of("-1", v.id, v.token, nonceSalt),
		"heartbeat":             of("heartbeat-nonce", v.id, v.token, nonceSalt),
		"another user's":        boris().nonceAt(time.Now()),
		"another session's":     of("wp_rest", v.id, boris().token, nonceSalt),
		"anonymous":             of("wp_rest", 0, "", nonceSalt),
		"under another salt":    of("wp_rest", v.id, v.token, loggedInSalt),
		"the next tick":         macHex(md5.New, nonceSalt, fmt.Sprintf("%d|wp_rest|%d|%s", tick+1, v.id, v.token))[20:30],
		"one letter more":       v.nonceAt(time.Now()) + "0",
		"the whole MAC":         macHex(md5.New, nonceSalt, fmt.Sprintf("%d|wp_rest|%d|%s", tick, v.id, v.token)),
		"two nonces, one right": "0123456789," + v.nonceAt(time.Now()),
	} {
		res := s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, loggedIn(v), nonce(value))
		assert.Equal(t, invalidNonce, res.summary(), name)
	}
	assert.NotContains(t, s.db.Meta(t, v.id), "autowebinar_session_id")
}

// The header of a token must not choose the key or the algorithm.
func TestManipulatedTokens(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	expires := time.Now().Add(time.Hour).Unix()
	makeToken := func(header, claims, secret string) string {
		text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		m := hmac.New(sha256.New, []byte(secret))
		m.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
	}
	claims := fmt.Sprintf(`{"sub":"7","exp":%d}`, expires)
	good := makeToken(`{"alg":"HS256"}`, claims, jwtSecret)
	require.Equal(t, 200, s.call(t, "GET", "/session", "", bearer(good)).status)
	jwk, err := json.Marshal(map[string]any{"alg": "HS256", "jwk": map[string]string{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte("intruder"))}})
	require.NoError(t, err)
	for name, token := range map[string]string{
		"kid: an empty file":              makeToken(`{"alg":"HS256","kid":"../../../../dev/null"}`, claims, ""),
		"kid: SQL":                        makeToken(`{"alg":"HS256","kid":"x' UNION SELECT 'intruder"}`, claims, "intruder"),
		"key in the token":                makeToken(string(jwk), claims, "intruder"),
		"key at a URL":                    makeToken(`{"alg":"HS256","jku":"http://127.0.0.1/keys","x5u":"http://127.0.0.1/cert"}`, claims, "intruder"),
		"the secret's first half":         makeToken(`{"alg":"HS256"}`, claims, jwtSecret[:16]),
		"the secret in base64":            makeToken(`{"alg":"HS256"}`, claims, base64.StdEncoding.EncodeToString([]byte(jwtSecret))),
		"a service key as secret":         makeToken(`{"alg":"HS256"}`, claims, serviceKey),
		"a salt as secret":                makeToken(`{"alg":"HS256"}`, claims, loggedInSalt),
		"two algorithms, none last":       makeToken(`{"alg":"HS256","alg":"none"}`, claims, jwtSecret),
		"two algorithms, RS256 last":      makeToken(`{"alg":"HS256","alg":"RS256"}`, claims, jwtSecret),
		"algorithm in another case":       makeToken(`{"alg":"hs256"}`, claims, jwtSecret),
		"algorithm as a list":             makeToken(`{"alg":["HS256"]}`, claims, jwtSecret),
		"algorithm null":                  makeToken(`{"alg":null}`, claims, jwtSecret),
		"a JWE":                           "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
		"a JWS in JSON":                   `{"payload":"` + strings.Split(good, ".")[1] + `","signature":"` + strings.Split(good, ".")[2] + `"}`,
		"expired a second ago":            makeToken(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"7","exp":%d}`, time.Now().Unix()-1), jwtSecret),
		"expires at 1e400":                makeToken(`{"alg":"HS256"}`, `{"sub":"7","exp":1e400}`, jwtSecret),
		"expires never":                   makeToken(`{"alg":"HS256"}`, `{"sub":"7","exp":null}`, jwtSecret),
		"expires twice, last in the past": makeToken(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"7","exp":%d,"exp":1}`, expires), jwtSecret),
		"not before tomorrow":             makeToken(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"7","exp":%d,"nbf":%d}`, expires+99999, expires), jwtSecret),
		"issued in an hour":               makeToken(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"7","exp":%d,"iat":%d}`, expires+99999, expires), jwtSecret),
		"two users":                       makeToken(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"7","data":{"user":{"id":8}},"exp":%d}`, expires), jwtSecret),
		"no user":                         makeToken(`{"alg":"HS256"}`, fmt.Sprintf(`{"exp":%d}`, expires), jwtSecret),
		"a user of 400 digits":            makeToken(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":%q,"exp":%d}`, strings.Repeat("7", 400), expires), jwtSecret),
		"2^64 + 7":                        makeToken(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":18446744073709551623,"exp":%d}`, expires), jwtSecret),
		"7e0":                             makeToken(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":7e0,"exp":%d}`, expires), jwtSecret),
		"claims are not an object":        makeToken(`{"alg":"HS256"}`, `"7"`, jwtSecret),
	} {
		assert.Equal(t, notLoggedIn, s.call(t, "GET", "/session", "", bearer(token)).summary(), name)
	}
	for name, token := range map[string]string{
		"the last of two equal claims counts": makeToken(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"8","sub":"7","exp":%d}`, expires), jwtSecret),
		"issued by a clock slightly ahead":    sign(jwt.MapClaims{"sub": "7", "iat": time.Now().Add(time.Minute).Unix()}),
		"with an unused kid":                  makeToken(`{"alg":"HS256","kid":"1","typ":"JWT"}`, claims, jwtSecret),
	} {
		assert.Equal(t, "200", s.call(t, "GET", "/session", "", bearer(token)).summary(), name)
	}
}

// A forger cannot evade the rate limit by additional headers or cookies.
func TestLoginLimitCannotBeEvaded(t *testing.T) {
	t.Parallel()
	good := nonce(anna().nonceAt(time.Now()))
	otherCookie := func(value string) requestOption {
		return func(r *http.Request) { r.Header.Add("Cookie", "wordpress_logged_in_zz="+value) }
	}
	expired := strings.ReplaceAll(anna().cookieValue(time.Now().Add(-time.Hour)), "|", "%7C")
	for name, disguise := range map[string]func(i int) requestOption{
		"other headers": func(i int) requestOption {
			ip := fmt.Sprintf("198.51.100.%d", i)
			return all(header("X-Forwarded-For", ip), header("X-Real-IP", ip), header("Forwarded", "for="+ip), header("True-Client-IP", ip),
				header("CF-Connecting-IP", ip), header("X-Client-IP", ip), header("X-Cluster-Client-IP", ip), header("User-Agent", ip))
		},
		"an additional malformed cookie": func(int) requestOption { return otherCookie("x") },
		"an additional expired cookie":   func(int) requestOption { return otherCookie(expired) },
		"another path":                   func(i int) requestOption { return withQuery("x", fmt.Sprint(i)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, func(c *httpapi.Config) { c.RateLogin = lowRate(2) })
			for i := range 6 {
				want := notLoggedIn
				if i >= 2 {
					want = tooMany
				}
				res := s.call(t, "GET", "/session", "", cookie(forgedCookie(anna())), disguise(i), good)
				assert.Equal(t, want, res.summary(), "request %d", i)
			}
		})
	}
}

func TestLoginLimitTrustsOnlyOwnProxies(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *httpapi.Config) {
		c.RateLogin = lowRate(2)
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	for i, want := range []string{notLoggedIn, notLoggedIn, tooMany, tooMany, tooMany} {
		// The client sent the left part, trusted proxies added the right one.
		chain := forwardedFor(fmt.Sprintf("198.51.100.%d, 10.9.9.%d", i, i), "203.0.113.7, 10.0.0.1")
		s.call(t, "GET", "/session", "", bearer("x"), chain, header("X-Real-IP", fmt.Sprintf("198.51.100.%d", i))).assertError(t, want)
	}
}

// Forwarded headers do not change the host that origins are compared with.
func TestForwardedHostIsIgnored(t *testing.T) {
	t.Parallel()
	for _, s := range []*site{setup(t), setup(t, withTrustedProxies("127.0.0.0/8"))} {
		for _, name := range []string{"X-Forwarded-Host", "X-Host", "X-Forwarded-Server", "X-Original-Host"} {
			s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, page(anna()), host("example.test"), origin("https://evil.test"),
				header(name, "evil.test"), header("Forwarded", "host=evil.test"), header("Referer", "https://example.test/")).assertError(t, forbidden)
		}
		assert.NotContains(t, s.db.Meta(t, 7), "autowebinar_session_id")
	}
}
