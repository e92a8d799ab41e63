package servicetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLeaksAreFound(t *testing.T) {
	t.Parallel()
	env := Settings("account:the-password-of-it@tcp(127.0.0.1:3306)/site", "http://127.0.0.1:1/events/token-of-the-receiver")
	env["AUTOWEBINAR_JWT_SECRET"] = "jwt-secret-of-at-least-32-bytes-length"
	env["AUTOWEBINAR_SERVICE_KEYS"] = ServiceKey + ", another-service-key"
	for line, leak := range map[string]string{
		`"path":"/x/` + Salts["LOGGED_IN_KEY"] + `"`:                    "WORDPRESS_LOGGED_IN_KEY 0",
		`"cause":"no salt ` + jsonEscaped(Salts["LOGGED_IN_KEY"]) + `"`: "WORDPRESS_LOGGED_IN_KEY 0",
		`"secret":"` + WebhookSecret + `"`:                              "AUTOWEBINAR_WEBHOOK_SECRET 0",
		`"cause":"` + ServiceKey + `"`:                                  "AUTOWEBINAR_SERVICE_KEYS 0",
		`another-service-key`:                                           "AUTOWEBINAR_SERVICE_KEYS 1",
		`jwt-secret-of-at-least-32-bytes-length`:                        "AUTOWEBINAR_JWT_SECRET 0",
		`account:the-password-of-it@tcp`:                                "the database's password",
		`Post "http://127.0.0.1:1/events/token-of-the-receiver": EOF`:   "the token of the receiver",
		`token ` + SessionToken:                                         "the session token",
		PasswordHash:                                                    "the password's hash",
		`Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2ln`:              "a JWT",
		`anna%7C1764000000%7CAbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfX%7C7d5ab6a5e3f5dc2c3f4ebd3a6b9f6d0f2b8f6f4b8c1d5f0a9e3c7d1b5a9f3e7c`: "a login cookie",
		`/enter?_wpnonce=` + nonce(1204, nonceTick(time.Now())):                                                                              "a viewer's nonce",
	} {
		assert.Equal(t, []string{leak}, leaks("{"+line+"}\n", env), "%s", line)
	}
	assert.NotEqual(t, Salts["LOGGED_IN_KEY"], jsonEscaped(Salts["LOGGED_IN_KEY"]), "one secret has characters that a log escapes")
	assert.Empty(t, leaks(`{"user":7,"request_id":"0123456789","webhook_id":"ea5d5799-1ead-5887-9d0d-92ffb9e006eb","salts":"LOGGED_IN_KEY","lead_meta_key":"crm_lead_id"}`, env))
}
