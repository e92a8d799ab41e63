package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/httpapi"
)

// host sets the host that the request names.
func host(name string) requestOption { return func(r *http.Request) { r.Host = name } }

func origin(value string) requestOption { return header("Origin", value) }

// corsHeaders returns the names of the response's CORS headers.
func corsHeaders(res response) []string {
	var names []string
	for name := range res.header {
		if strings.HasPrefix(name, "Access-Control-") {
			names = append(names, name)
		}
	}
	return names
}

func TestCrossSiteRequestsAreRejected(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, tt := range map[string]struct {
		change requestOption
		want   string
	}{
		"no origin":             {host("example.test"), "200"},
		"the site's own":        {all(host("example.test"), origin("https://example.test")), "200"},
		"in another case":       {all(host("Example.TEST"), origin("https://example.test")), "200"},
		"TLS ends at a proxy":   {all(host("example.test"), origin("http://example.test")), "200"},
		"port of https in host": {all(host("example.test:443"), origin("https://example.test")), "200"},
		"port of http in host":  {all(host("example.test:80"), origin("http://example.test")), "200"},
		"port in both":          {all(host("example.test:8443"), origin("https://example.test:8443")), "200"},
		"address as name":       {all(host("[2001:db8::1]:80"), origin("http://[2001:db8::1]")), "200"},
		"port in one":           {all(host("example.test"), origin("https://example.test:8443")), forbidden},
		"another port":          {all(host("example.test:8080"), origin("http://example.test:8081")), forbidden},
		"another site":          {all(host("example.test"), origin("https://evil.test")), forbidden},
		"a part of the name":    {all(host("www.example.test"), origin("https://example.test")), forbidden},
		"a longer name":         {all(host("example.test"), origin("https://example.test.evil.test")), forbidden},
		"a user part":           {all(host("example.test"), origin("https://example.test@evil.test")), forbidden},
		"null":                  {all(host("example.test"), origin("null")), forbidden},
		"malformed":             {all(host("example.test"), origin("://%zz")), forbidden},
		"a file":                {all(host("example.test"), origin("file://")), forbidden},
		"an extension":          {all(host("example.test"), origin("chrome-extension://abcdef")), forbidden},
		"cross-site":            {all(host("example.test"), header("Sec-Fetch-Site", "cross-site")), forbidden},
		"same-site":             {all(host("example.test"), header("Sec-Fetch-Site", "same-site")), "200"},
		"typed by the viewer":   {all(host("example.test"), header("Sec-Fetch-Site", "none")), "200"},
		"cross-site with the own origin": {all(host("example.test"), origin("https://example.test"),
			header("Sec-Fetch-Site", "cross-site")), forbidden},
		"a proxy that rewrites the host": {all(host("autowebinar:8080"), origin("https://example.test"),
			header("Sec-Fetch-Site", "same-origin")), "200"},
	} {
		for who, credentials := range map[string]requestOption{"a page": page(anna()), "a token": token(7)} {
			s.enter(t, anna(), "intro")
			res := s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, credentials, tt.change)
			assert.Equal(t, tt.want, res.summary(), "%s: %s", name, who)
			assert.Empty(t, corsHeaders(res), name)
			res = s.call(t, "POST", "/session", "", credentials, tt.change, header("X-HTTP-Method-Override", "GET"))
			assert.Equal(t, 200, res.status, "%s: reading is safe, because the other page cannot see the response", name)
		}
	}
}

func TestNoCORSWithoutListedOrigins(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	res := s.call(t, "GET", "/session", "", page(anna()), origin("https://front.test"))
	assert.Equal(t, 200, res.status)
	assert.Empty(t, corsHeaders(res))
	assert.Equal(t, "Origin", res.header.Get("Vary"))
	res = s.call(t, "OPTIONS", "/enter", "", origin("https://front.test"), header("Access-Control-Request-Method", "POST"))
	res.assertError(t, "404 rest_no_route")
	assert.Empty(t, corsHeaders(res))
}

func TestListedOrigin(t *testing.T) {
	t.Parallel()
	const front = "https://front.test"
	s := setup(t, func(c *httpapi.Config) { c.CORSOrigins = []string{"https://other.test:8443", front} })
	preflight := all(header("Access-Control-Request-Method", "POST"), header("Access-Control-Request-Headers", "content-type,x-wp-nonce"))

	for _, target := range []string{base + "/enter", base + "/users/7/enter", "/?rest_route=/autowebinar/v1/enter"} {
		res := s.send(t, "OPTIONS", target, "", origin(front), preflight)
		assert.Equal(t, 204, res.status, target)
		assert.Empty(t, res.raw)
		assert.Equal(t, front, res.header.Get("Access-Control-Allow-Origin"))
		assert.Equal(t, "true", res.header.Get("Access-Control-Allow-Credentials"))
		assert.Contains(t, res.header.Get("Access-Control-Allow-Methods"), "POST")
		allowed := strings.ToLower(res.header.Get("Access-Control-Allow-Headers"))
		for _, name := range []string{"authorization", "content-type", "x-wp-nonce", "x-http-method-override"} {
			assert.Contains(t, allowed, name)
		}
		assert.NotEmpty(t, res.header.Get("Access-Control-Max-Age"))
		assert.Equal(t, "Origin", res.header.Get("Vary"))
	}

	for _, res := range []response{
		s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, page(anna()), origin(front)),
		s.call(t, "POST", "/enter", `{}`, token(7), origin(front)),
		s.call(t, "GET", "/session", "", origin(front)),
		s.call(t, "GET", "/player.js", "", origin(front)),
	} {
		assert.NotEqual(t, forbidden, res.summary())
		assert.Equal(t, front, res.header.Get("Access-Control-Allow-Origin"), "errors can be read too")
		exposed := res.header.Get("Access-Control-Expose-Headers")
		for _, name := range []string{"X-WP-Nonce", "X-Request-Id", "Retry-After"} {
			assert.Contains(t, exposed, name)
		}
	}

	for _, unlisted := range []string{"https://evil.test", "http://front.test", front + ":8443", front + "/", "HTTPS://FRONT.TEST", "null", "*"} {
		res := s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, token(7), origin(unlisted))
		res.assertError(t, forbidden)
		assert.Empty(t, corsHeaders(res), unlisted)
		res = s.call(t, "OPTIONS", "/enter", "", origin(unlisted), preflight)
		assert.Equal(t, 404, res.status, unlisted)
		assert.Empty(t, corsHeaders(res), unlisted)
	}
	res := s.call(t, "OPTIONS", "/enter", "", origin(front))
	res.assertError(t, "404 rest_no_route") // not a preflight
}
