package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/httpapi"
)

func TestSeveralServiceKeysAreValid(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, k := range []string{serviceKey, nextServiceKey} {
		res := s.call(t, "POST", "/users/7/enter", `{"webinar_id":"intro"}`, bearer(k))
		assert.Less(t, res.status, 300)
	}
	for _, k := range []string{
		serviceKey[1:], serviceKey + "x", serviceKey + "," + nextServiceKey, "", jwtSecret,
		"SERVICE-key-now-0123456789abcdef", `"` + serviceKey + `"`,
	} {
		s.call(t, "POST", "/users/7/enter", `{"webinar_id":"intro"}`, bearer(k)).assertError(t, notLoggedIn)
	}
}

func TestAuthorizationOfEveryRoute(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, tt := range map[string]struct {
		who             requestOption
		viewer, service string // the responses of viewer and service routes to an empty body
	}{
		"anonymous":             {anonymous, notLoggedIn, notLoggedIn},
		"a page":                {page(anna()), missingParam, forbidden},
		"a page, invalid nonce": {all(loggedIn(anna()), nonce("x")), invalidNonce, invalidNonce},
		"a token":               {token(7), missingParam, forbidden},
		"an invalid token":      {bearer("x"), notLoggedIn, notLoggedIn},
		"a service key":         {asService(), forbidden, missingParam},
	} {
		for _, route := range []string{"/enter", "/progress", "/exit", "/cta", "/register", "/form"} {
			assert.Equal(t, tt.viewer, s.call(t, "POST", route, "{}", tt.who).summary(), "%s: %s", name, route)
			assert.Equal(t, tt.service, s.call(t, "POST", "/users/7"+route, "{}", tt.who).summary(), "%s: for a user: %s", name, route)
		}
		assert.Equal(t, tt.service, s.call(t, "POST", "/attendance", "{}", tt.who).summary(), name)
	}
	s.call(t, "GET", "/users/8/session", "", page(anna())).assertError(t, forbidden)
	s.call(t, "GET", "/users/7/session", "", page(anna())).assertError(t, forbidden)
	s.call(t, "POST", "/resume", "", asService()).assertError(t, forbidden)
}

func TestServiceKeyMayBeAJWT(t *testing.T) {
	t.Parallel()
	signed := sign(map[string]any{"sub": "7"})
	s := setup(t, func(c *httpapi.Config) { c.ServiceKeys = []string{signed} })
	s.call(t, "POST", "/enter", "{}", bearer(signed)).assertError(t, forbidden)
	s.call(t, "POST", "/users/7/enter", "{}", bearer(signed)).assertError(t, missingParam, "webinar_id")
}
