package httpapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func hs256() jwt.SigningMethod { return jwt.SigningMethodHS256 }

// wpUser is the data claim of the common WordPress JWT plugins.
func wpUser(id any) map[string]any { return map[string]any{"user": map[string]any{"id": id}} }

func TestViewerTokens(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	now := time.Now()
	for name, tt := range map[string]struct {
		claims jwt.MapClaims
		want   string
	}{
		"sub":                   {jwt.MapClaims{"sub": "7"}, "200"},
		"sub as a number":       {jwt.MapClaims{"sub": 7}, "200"},
		"data.user.id":          {jwt.MapClaims{"data": wpUser(7)}, "200"},
		"data.user.id as text":  {jwt.MapClaims{"data": wpUser("7")}, "200"},
		"both, equal":           {jwt.MapClaims{"sub": "7", "data": wpUser(7)}, "200"},
		"both, different":       {jwt.MapClaims{"sub": "7", "data": wpUser(8)}, notLoggedIn},
		"both, sub invalid":     {jwt.MapClaims{"sub": "anna", "data": wpUser(7)}, notLoggedIn},
		"both, data invalid":    {jwt.MapClaims{"sub": "7", "data": wpUser("anna")}, notLoggedIn},
		"neither":               {jwt.MapClaims{}, notLoggedIn},
		"data of another shape": {jwt.MapClaims{"sub": "7", "data": "x"}, "200"},
		"sub empty":             {jwt.MapClaims{"sub": ""}, notLoggedIn},
		"sub 0":                 {jwt.MapClaims{"sub": "0"}, notLoggedIn},
		"sub with a zero":       {jwt.MapClaims{"sub": "07"}, notLoggedIn},
		"sub with a sign":       {jwt.MapClaims{"sub": "+7"}, notLoggedIn},
		"sub negative":          {jwt.MapClaims{"sub": -7}, notLoggedIn},
		"sub with a blank":      {jwt.MapClaims{"sub": " 7"}, notLoggedIn},
		"sub hexadecimal":       {jwt.MapClaims{"sub": "0x7"}, notLoggedIn},
		"sub with a fraction":   {jwt.MapClaims{"sub": 7.5}, notLoggedIn},
		"sub too large":         {jwt.MapClaims{"sub": "18446744073709551616"}, notLoggedIn},
		"sub true":              {jwt.MapClaims{"sub": true}, notLoggedIn},
		"sub a list":            {jwt.MapClaims{"sub": []string{"7"}}, notLoggedIn},
		"expired":               {jwt.MapClaims{"sub": "7", "exp": now.Add(-time.Second).Unix()}, notLoggedIn},
		"without exp":           {jwt.MapClaims{"sub": "7", "exp": nil}, notLoggedIn},
		"exp as text":           {jwt.MapClaims{"sub": "7", "exp": "4102444800"}, notLoggedIn},
		"exp 0":                 {jwt.MapClaims{"sub": "7", "exp": 0}, notLoggedIn},
		"nbf in the future":     {jwt.MapClaims{"sub": "7", "nbf": now.Add(time.Hour).Unix()}, notLoggedIn},
		"nbf in the past":       {jwt.MapClaims{"sub": "7", "nbf": now.Add(-time.Hour).Unix()}, "200"},
		"with other claims":     {jwt.MapClaims{"sub": "7", "iss": "https://front.test", "aud": "x", "iat": now.Unix()}, "200"},
	} {
		res := s.call(t, "GET", "/session", "", bearer(sign(tt.claims)))
		assert.Equal(t, tt.want, res.summary(), name)
		res = s.call(t, "POST", "/resume", "", bearer(sign(tt.claims)))
		assert.Equal(t, tt.want, res.summary(), name)
	}
}

func TestTokensOfOtherAlgorithmsAndKeys(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	claims := jwt.MapClaims{"sub": "7"}
	good := sign(claims)
	parts := strings.Split(good, ".")
	withHeader := func(header string) string {
		head := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1]
		signature, err := hs256().Sign(head, []byte(jwtSecret))
		require.NoError(t, err)
		return head + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	require.Equal(t, 200, s.call(t, "GET", "/session", "", bearer(withHeader(`{"alg":"HS256"}`))).status)
	for name, token := range map[string]string{
		"none":                        signAs(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims),
		"none in mixed case":          withHeader(`{"alg":"nOnE"}`),
		"HS384":                       signAs(jwt.SigningMethodHS384, []byte(jwtSecret), claims),
		"HS512":                       signAs(jwt.SigningMethodHS512, []byte(jwtSecret), claims),
		"RS256":                       signAs(jwt.SigningMethodRS256, rsaKey, claims),
		"ES256":                       signAs(jwt.SigningMethodES256, ecKey, claims),
		"HS256 under an RS256 header": withHeader(`{"alg":"RS256","typ":"JWT"}`),
		"without an algorithm":        withHeader(`{"typ":"JWT"}`),
		"an unknown algorithm":        withHeader(`{"alg":"HS1"}`),
		"another secret":              signAs(hs256(), []byte("another secret, of the same length"), claims),
		"an empty secret":             signAs(hs256(), []byte{}, claims),
		"without signature":           parts[0] + "." + parts[1] + ".",
		"two parts":                   parts[0] + "." + parts[1],
		"four parts":                  good + ".x",
		"another user's claims":       parts[0] + "." + strings.Split(sign(jwt.MapClaims{"sub": "8"}), ".")[1] + "." + parts[2],
		"a padded signature":          good + "=",
		"garbage":                     "%%%.~.|||",
		"dots":                        "..",
		"a JSON list of claims":       parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`["7"]`)) + "." + parts[2],
		"very long":                   strings.Repeat("x", 20_000),
		"two tokens":                  good + " " + good,
	} {
		for _, route := range []string{"/session", "/users/7/session"} {
			assert.Equal(t, notLoggedIn, s.call(t, "GET", route, "", bearer(token)).summary(), name)
		}
	}
}
