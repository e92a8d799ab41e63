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

// Who has nothing, or something that is not theirs, gets nowhere. An index of
// the tests of this kind is in internal/e2e/authentication_test.go.

// signedWith is a cookie of the viewer's under another salt than the site's.
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
	stranger := anna()
	stranger.login = "nobody.at.all"
	unknown := s.call(t, "GET", "/session", "", cookie(stranger.cookieValue(later)), nonce(anna().nonceAt(time.Now())))
	unknown.assertError(t, notLoggedIn)
	for name, value := range map[string]string{
		"a wrong signature":           good[:len(good)-1] + "x",
		"no signature":                strings.Join(parts[:3], "|") + "|",
		"cut short":                   good[:len(good)-1],
		"only a name":                 parts[0],
		"a longer life":               strings.Join([]string{parts[0], fmt.Sprint(later.Unix() + 86400), parts[2], parts[3]}, "|"),
		"another user's name":         strings.Join([]string{boris().login, parts[1], parts[2], parts[3]}, "|"),
		"another session's token":     strings.Join([]string{parts[0], parts[1], boris().token, parts[3]}, "|"),
		"signed with the nonce salt":  anna().signedWith(nonceSalt, later),
		"signed with the auth salt":   anna().signedWith("auth-keyauth-salt", later),
		"signed with the secure salt": anna().signedWith("secure-keysecure-salt", later),
		"signed with the logged-in key without its salt": anna().signedWith(`li-key-71|"x`, later),
		"signed with nothing":                            anna().signedWith("", later),
		"signed with the default salt":                   anna().signedWith("put your unique phrase hereput your unique phrase here", later),
		"an upper-case signature":                        strings.Join([]string{parts[0], parts[1], parts[2], strings.ToUpper(parts[3])}, "|"),
		"a fifth part":                                   good + "|x",
		"a blank before the time":                        strings.Join([]string{parts[0], " " + parts[1], parts[2], parts[3]}, "|"),
	} {
		a := s.call(t, "GET", "/session", "", cookie(value), nonce(anna().nonceAt(time.Now())))
		assert.Equal(t, notLoggedIn, a.summary(), name)
		assert.Equal(t, string(unknown.raw), string(a.raw), "%s: as for a user who does not exist", name)
		assert.Equal(t, headerNames(unknown), headerNames(a), name)
	}
}

func headerNames(a response) map[string]bool {
	names := map[string]bool{}
	for name := range a.header {
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
		"nobody's":              of("wp_rest", 0, "", nonceSalt),
		"under another salt":    of("wp_rest", v.id, v.token, loggedInSalt),
		"the next tick":         macHex(md5.New, nonceSalt, fmt.Sprintf("%d|wp_rest|%d|%s", tick+1, v.id, v.token))[20:30],
		"one letter more":       v.nonceAt(time.Now()) + "0",
		"the whole MAC":         macHex(md5.New, nonceSalt, fmt.Sprintf("%d|wp_rest|%d|%s", tick, v.id, v.token)),
		"two nonces, one right": "0123456789," + v.nonceAt(time.Now()),
	} {
		a := s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, loggedIn(v), nonce(value))
		assert.Equal(t, invalidNonce, a.summary(), name)
	}
	assert.NotContains(t, s.db.Meta(t, v.id), "autowebinar_session_id")
}

// What a token says beside its claims is the word of whoever made it.
func TestManipulatedTokens(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	expires := time.Now().Add(time.Hour).Unix()
	made := func(header, claims, secret string) string {
		text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		m := hmac.New(sha256.New, []byte(secret))
		m.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
	}
	claims := fmt.Sprintf(`{"sub":"7","exp":%d}`, expires)
	good := made(`{"alg":"HS256"}`, claims, jwtSecret)
	require.Equal(t, 200, s.call(t, "GET", "/session", "", bearer(good)).status)
	jwk, err := json.Marshal(map[string]any{"alg": "HS256", "jwk": map[string]string{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte("intruder"))}})
	require.NoError(t, err)
	for name, token := range map[string]string{
		"kid: an empty file":            made(`{"alg":"HS256","kid":"../../../../dev/null"}`, claims, ""),
		"kid: SQL":                      made(`{"alg":"HS256","kid":"x' UNION SELECT 'intruder"}`, claims, "intruder"),
		"a key in the token":            made(string(jwk), claims, "intruder"),
		"a key elsewhere":               made(`{"alg":"HS256","jku":"http://127.0.0.1/keys","x5u":"http://127.0.0.1/cert"}`, claims, "intruder"),
		"the secret's first half":       made(`{"alg":"HS256"}`, claims, jwtSecret[:16]),
		"the secret in base64":          made(`{"alg":"HS256"}`, claims, base64.StdEncoding.EncodeToString([]byte(jwtSecret))),
		"a service key as secret":       made(`{"alg":"HS256"}`, claims, serviceKey),
		"a salt as secret":              made(`{"alg":"HS256"}`, claims, loggedInSalt),
		"two algorithms, none last":     made(`{"alg":"HS256","alg":"none"}`, claims, jwtSecret),
		"two algorithms, RS256 last":    made(`{"alg":"HS256","alg":"RS256"}`, claims, jwtSecret),
		"algorithm in another case":     made(`{"alg":"hs256"}`, claims, jwtSecret),
		"algorithm as a list":           made(`{"alg":["HS256"]}`, claims, jwtSecret),
		"algorithm null":                made(`{"alg":null}`, claims, jwtSecret),
		"a JWE":                         "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
		"a JWS in JSON":                 `{"payload":"` + strings.Split(good, ".")[1] + `","signature":"` + strings.Split(good, ".")[2] + `"}`,
		"expired a second ago":          made(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"7","exp":%d}`, time.Now().Unix()-1), jwtSecret),
		"expires at 1e400":              made(`{"alg":"HS256"}`, `{"sub":"7","exp":1e400}`, jwtSecret),
		"expires never":                 made(`{"alg":"HS256"}`, `{"sub":"7","exp":null}`, jwtSecret),
		"expires twice, at last before": made(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"7","exp":%d,"exp":1}`, expires), jwtSecret),
		"not before tomorrow":           made(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"7","exp":%d,"nbf":%d}`, expires+99999, expires), jwtSecret),
		"issued in an hour":             made(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"7","exp":%d,"iat":%d}`, expires+99999, expires), jwtSecret),
		"two users":                     made(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"7","data":{"user":{"id":8}},"exp":%d}`, expires), jwtSecret),
		"no user":                       made(`{"alg":"HS256"}`, fmt.Sprintf(`{"exp":%d}`, expires), jwtSecret),
		"a user of 400 digits":          made(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":%q,"exp":%d}`, strings.Repeat("7", 400), expires), jwtSecret),
		"2^64 + 7":                      made(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":18446744073709551623,"exp":%d}`, expires), jwtSecret),
		"7e0":                           made(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":7e0,"exp":%d}`, expires), jwtSecret),
		"claims that are no object":     made(`{"alg":"HS256"}`, `"7"`, jwtSecret),
	} {
		assert.Equal(t, notLoggedIn, s.call(t, "GET", "/session", "", bearer(token)).summary(), name)
	}
	for name, token := range map[string]string{
		"of two users by one name the last, as everywhere in JSON": made(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"8","sub":"7","exp":%d}`, expires), jwtSecret),
		"a clock that is a bit ahead":                              sign(jwt.MapClaims{"sub": "7", "iat": time.Now().Add(time.Minute).Unix()}),
		"a kid that says nothing":                                  made(`{"alg":"HS256","kid":"1","typ":"JWT"}`, claims, jwtSecret),
	} {
		assert.Equal(t, "200", s.call(t, "GET", "/session", "", bearer(token)).summary(), name)
	}
}

// No header and no other cookie makes a forger somebody else.
func TestLoginLimitCannotBeEvaded(t *testing.T) {
	t.Parallel()
	good := nonce(anna().nonceAt(time.Now()))
	junk := func(value string) requestOption {
		return func(r *http.Request) { r.Header.Add("Cookie", "wordpress_logged_in_zz="+value) }
	}
	expired := strings.ReplaceAll(anna().cookieValue(time.Now().Add(-time.Hour)), "|", "%7C")
	for name, disguise := range map[string]func(i int) requestOption{
		"other headers": func(i int) requestOption {
			ip := fmt.Sprintf("198.51.100.%d", i)
			return all(header("X-Forwarded-For", ip), header("X-Real-IP", ip), header("Forwarded", "for="+ip), header("True-Client-IP", ip),
				header("CF-Connecting-IP", ip), header("X-Client-IP", ip), header("X-Cluster-Client-IP", ip), header("User-Agent", ip))
		},
		"a malformed cookie behind it": func(int) requestOption { return junk("x") },
		"an expired cookie behind it":  func(int) requestOption { return junk(expired) },
		"another path":                 func(i int) requestOption { return withQuery("x", fmt.Sprint(i)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, func(c *httpapi.Config) { c.RateLogin = lowRate(2) })
			for i := range 6 {
				want := notLoggedIn
				if i >= 2 {
					want = tooMany
				}
				a := s.call(t, "GET", "/session", "", cookie(forgedCookie(anna())), disguise(i), good)
				assert.Equal(t, want, a.summary(), "request %d", i)
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
		// The client wrote the left part, our proxies the right one.
		chain := forwardedFor(fmt.Sprintf("198.51.100.%d, 10.9.9.%d", i, i), "203.0.113.7, 10.0.0.1")
		s.call(t, "GET", "/session", "", bearer("x"), chain, header("X-Real-IP", fmt.Sprintf("198.51.100.%d", i))).assertError(t, want)
	}
}

// Forwarded headers say nothing of the site's own name either.
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
