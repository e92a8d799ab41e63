package httpapi_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/httpapi"
	"autowebinar/internal/webinar"
)

// Every test of this package checks through logCapture that each response has one
// log line with its request id, and that no line contains a secret.

func TestAccessLogLine(t *testing.T) {
	t.Parallel()
	s := setup(t)
	entered := s.call(t, "POST", "/enter?_locale="+canary+"&_wpnonce="+anna().nonceAt(time.Now()), `{"webinar_id":"intro","x":"`+canary+`"}`, loggedIn(anna()),
		header("User-Agent", canary), header("Referer", canary))
	s.send(t, "GET", "/?rest_route=/autowebinar/v1/session&webinar_id="+canary, "", bearer(canary+"-token"))
	s.call(t, "POST", "/register", `{"webinar_id":"`+canary+`","source":"`+canary+`"}`, token(7))
	s.call(t, "POST", "/users/8/register", `{"`+canary, asService())
	s.server.Close()

	lines := s.log.lines(t, "request")
	require.Len(t, lines, 4)
	for i, want := range []map[string]any{
		{"level": "INFO", "method": "POST", "path": base + "/enter", "status": 201., "user": 7.},
		{"level": "INFO", "method": "GET", "path": "/?rest_route=/autowebinar/v1/session", "status": 401., "code": "rest_not_logged_in"},
		{"level": "INFO", "method": "POST", "path": base + "/register", "status": 400., "user": 7., "code": "rest_invalid_param"},
		{"level": "INFO", "method": "POST", "path": base + "/users/8/register", "status": 400., "user": 8., "code": "rest_invalid_json"},
	} {
		got := lines[i]
		for _, name := range []string{"time", "msg", "request_id", "duration", "bytes"} {
			assert.NotEmpty(t, got[name], name)
			delete(got, name)
		}
		delete(got, "cause")
		if want["status"] == 201. {
			assert.Equal(t, []any{webinar.EventID(webinar.EventEntered, 7, entered.json["session_id"].(string)).String()}, got["webhook_ids"])
			delete(got, "webhook_ids")
		}
		want["client"] = "127.0.0.1"
		assert.Equal(t, want, got)
	}
}

func TestLogLinesCannotBeForged(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.send(t, "GET", base+"/a%0Amsg=request%0A", "", header("X-Request-Id", "x\" y"))
	s.send(t, "GET", "/?rest_route=/autowebinar/v1/%0A%7B%22msg%22:%22request%22%7D", "")
	s.server.Close()
	assert.Len(t, s.log.lines(t, "request"), 2)
}

// withTrustedProxies trusts proxies with these addresses. Requests of the tests
// come from 127.0.0.1.
func withTrustedProxies(prefixes ...string) func(*httpapi.Config) {
	return func(c *httpapi.Config) {
		for _, prefix := range prefixes {
			c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(prefix))
		}
	}
}

// clients returns the logged client addresses by request id.
func (s *site) clients(t testing.TB) map[string]any {
	t.Helper()
	s.server.Close() // a line is written after its response
	clients := map[string]any{}
	for _, line := range s.log.lines(t, "request") {
		clients[line["request_id"].(string)] = line["client"]
	}
	return clients
}

// requestID sends a request and returns its id.
func (s *site) requestID(t testing.TB, changes ...requestOption) string {
	t.Helper()
	return s.call(t, "GET", "/openapi.yaml", "", changes...).header.Get("X-Request-Id")
}

func forwardedFor(chains ...string) requestOption {
	return func(r *http.Request) { r.Header["X-Forwarded-For"] = chains }
}

func TestForwardedAddresses(t *testing.T) {
	t.Parallel()
	proxied := setup(t, withTrustedProxies("127.0.0.0/8", "10.0.0.0/8", "2001:db8:ffff::/48"))
	chains := map[string]struct {
		chain []string
		want  string
	}{
		"none":                           {nil, "127.0.0.1"},
		"one":                            {[]string{"192.0.2.1"}, "192.0.2.1"},
		"with blanks":                    {[]string{" 192.0.2.1 "}, "192.0.2.1"},
		"through trusted proxies":        {[]string{"192.0.2.1, 10.0.0.1, 10.9.9.9"}, "192.0.2.1"},
		"in several headers":             {[]string{"192.0.2.1", "10.0.0.1"}, "192.0.2.1"},
		"spoofed on the left":            {[]string{"198.51.100.9, 192.0.2.1, 10.0.0.1"}, "192.0.2.1"},
		"spoofed as a trusted proxy":     {[]string{"10.1.1.1, 192.0.2.1"}, "192.0.2.1"},
		"spoofed first header":           {[]string{"198.51.100.9", "192.0.2.1"}, "192.0.2.1"},
		"only trusted proxies":           {[]string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		"IPv6":                           {[]string{"2001:db8::7, 2001:db8:ffff::1"}, "2001:db8::7"},
		"IPv4 in IPv6":                   {[]string{"::ffff:192.0.2.1, ::ffff:10.0.0.1"}, "192.0.2.1"},
		"empty":                          {[]string{""}, "127.0.0.1"},
		"unknown":                        {[]string{"192.0.2.1, unknown"}, "127.0.0.1"},
		"garbage before a trusted proxy": {[]string{"192.0.2.1, <script>, 10.0.0.1"}, "10.0.0.1"},
		"garbage on the left":            {[]string{"' OR 1=1, 192.0.2.1"}, "192.0.2.1"},
		"with a port":                    {[]string{"192.0.2.1:4711"}, "127.0.0.1"},
	}
	ids := map[string]string{}
	for name, tt := range chains {
		ids[name] = proxied.requestID(t, forwardedFor(tt.chain...))
	}
	clients := proxied.clients(t)
	for name, tt := range chains {
		assert.Equal(t, tt.want, clients[ids[name]], name)
	}

	direct := setup(t)
	otherProxy := setup(t, withTrustedProxies("10.0.0.0/8"))
	for _, s := range []*site{direct, otherProxy} {
		id := s.requestID(t, forwardedFor("192.0.2.1"), header("X-Real-Ip", "192.0.2.1"), header("Forwarded", "for=192.0.2.1"))
		assert.Equal(t, "127.0.0.1", s.clients(t)[id], "only trusted proxies count")
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	const uuid = `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`
	proxied, direct := setup(t, withTrustedProxies("127.0.0.1/32")), setup(t)
	named := header("X-Request-Id", "edge-1.2_3")
	assert.Equal(t, "edge-1.2_3", proxied.requestID(t, named))
	assert.Regexp(t, uuid, direct.requestID(t, named), "the client is no trusted proxy")
	for _, odd := range []string{"", "a b", `a"b`, "é", "a/b", strings.Repeat("a", 65)} {
		assert.Regexp(t, uuid, proxied.requestID(t, header("X-Request-Id", odd)), odd)
	}
	assert.NotEqual(t, direct.requestID(t), direct.requestID(t))
}

// Some clients that build addresses themselves put parameters into the path.
func TestLoggedPathHasNoParameters(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, target := range []string{
		base + "/exit&_wpnonce=" + canary, base + "/exit;" + canary, base + "/exit%3F_wpnonce=" + canary,
		"/?rest_route=%2Fautowebinar%2Fv1%2Fexit%26_wpnonce%3D" + canary, base + "/" + strings.Repeat("x", 5000),
	} {
		s.send(t, "POST", target, "{}", token(7))
	}
	s.server.Close()
	for _, line := range s.log.lines(t, "request") {
		path := line["path"].(string)
		assert.NotContains(t, path, canary)
		assert.LessOrEqual(t, len(path), 300)
	}
}
