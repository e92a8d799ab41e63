package httpapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/api"
	"autowebinar/internal/httpapi"
)

func TestAddressForms(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *httpapi.Config) { c.BasePaths = append(c.BasePaths, "/api") })
	s.enter(t, anna(), "intro")
	for _, target := range []string{
		base + "/enter", base + "/enter/", base + "/enter?_locale=user", base + "/enter/?_locale=user",
		blogBase + "/enter", blogBase + "/enter/", "/api/enter", "/api/enter/",
		"/?rest_route=/autowebinar/v1/enter", "/?rest_route=/autowebinar/v1/enter/", "/?rest_route=%2Fautowebinar%2Fv1%2Fenter",
		"/?_locale=user&rest_route=/autowebinar/v1/enter", "/index.php?rest_route=/autowebinar/v1/enter&_locale=user",
		"/blog/?rest_route=/autowebinar/v1/enter", "/blog/index.php?rest_route=/autowebinar/v1/enter",
	} {
		res := s.send(t, "POST", target, `{"webinar_id":"intro"}`, page(anna()))
		assert.Equal(t, "200", res.summary(), target)
	}
	for _, target := range []string{
		base + "/users/7/session/", blogBase + "/users/7/session?webinar_id=intro",
		"/?rest_route=/autowebinar/v1/users/7/session&webinar_id=intro", "/blog/?rest_route=/autowebinar/v1/users/7/session/",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			assert.Equal(t, "200", s.send(t, method, target, "", asService()).summary(), target)
		}
	}
}

func TestMisbuiltBeaconAddress(t *testing.T) {
	t.Parallel()
	s := setup(t)
	// Some pages that build the address themselves put the nonce into the route.
	res := s.send(t, "POST", "/?rest_route=/autowebinar/v1/exit?_wpnonce="+anna().nonceAt(time.Now()), `{"webinar_id":"intro"}`, page(anna()))
	res.assertError(t, "404 rest_no_route") // logCapture checks that the nonce is not logged
	s.server.Close()
	assert.Equal(t, "/?rest_route=/autowebinar/v1/exit", s.log.lines(t, "request")[0]["path"])
}

func TestMethodOverride(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	override := func(method string) requestOption { return header("X-HTTP-Method-Override", method) }
	for name, tt := range map[string]struct {
		method, target string
		change         requestOption
		want           string
	}{
		"the header":                    {"POST", "/session", override("GET"), "200"},
		"in lower case":                 {"POST", "/session", override("get"), "200"},
		"the parameter":                 {"POST", "/session?_method=GET", anonymous, "200"},
		"the parameter wins":            {"POST", "/session?_method=get", override("DELETE"), "200"},
		"an empty parameter is ignored": {"POST", "/session?_method=", override("GET"), "200"},
		"to HEAD, which acts as GET":    {"POST", "/session", override("HEAD"), "200"},
		"to the method itself":          {"POST", "/enter", override("POST"), "200"},
		"to a method without route":     {"POST", "/enter", override("PUT"), "404 rest_no_route"},
		"to an invalid one":             {"POST", "/enter", override("ÿ /"), "404 rest_no_route"},
		"a GET ignores the header":      {"GET", "/enter", override("POST"), "404 rest_no_route"},
		"a GET ignores the parameter":   {"GET", "/enter?_method=POST", anonymous, "404 rest_no_route"},
		"a GET remains a GET":           {"GET", "/session", override("POST"), "200"},
		"a PUT ignores it":              {"PUT", "/enter", override("POST"), "404 rest_no_route"},
	} {
		res := s.call(t, tt.method, tt.target, `{"webinar_id":"intro"}`, page(anna()), tt.change)
		assert.Equal(t, tt.want, res.summary(), name)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	for _, tt := range []struct {
		route string
		who   requestOption
	}{
		{"/session", page(anna())}, {"/session", anonymous}, {"/session?webinar_id=A", page(anna())}, {"/openapi.yaml", anonymous}, {"/enter", asService()},
	} {
		get := s.call(t, "GET", tt.route, "", tt.who)
		head := s.call(t, "HEAD", tt.route, "", tt.who)
		assert.Equal(t, get.status, head.status, tt.route)
		assert.Empty(t, head.raw)
		for _, name := range []string{"Content-Type", "Content-Length", "Cache-Control", "X-WP-Nonce", "ETag"} {
			assert.Equal(t, get.header.Get(name), head.header.Get(name), "%s: %s", tt.route, name)
		}
	}
}

func TestBeacon(t *testing.T) {
	t.Parallel()
	s := setup(t)
	session := s.enter(t, anna(), "intro")
	// navigator.sendBeacon(url, string): cookies and this type, and no custom headers.
	body := fmt.Sprintf(`{"session_id":%q,"position_sec":845.2,"leave_reason":"user_exit"}`, session)
	good := "_wpnonce=" + anna().nonceAt(time.Now())
	for _, target := range []string{base + "/exit?" + good, "/?rest_route=/autowebinar/v1/exit&" + good} {
		res := s.send(t, "POST", target, body, loggedIn(anna()), header("Content-Type", "text/plain;charset=UTF-8"),
			header("Origin", s.server.URL), header("Sec-Fetch-Site", "same-origin"), header("Sec-Fetch-Mode", "no-cors"))
		require.Equal(t, 200, res.status, string(res.raw))
		assert.EqualValues(t, 845, res.json["last_position_sec"])
	}
	assert.Equal(t, []string{"entered", "left"}, eventTypes(s.outbox(t, anna())))
}

func TestWPAPIFetch(t *testing.T) {
	t.Parallel()
	s := setup(t)
	fetch := all(page(anna()), header("Accept", "application/json, */*;q=0.1"), header("Origin", s.server.URL),
		header("Sec-Fetch-Site", "same-origin"), withQuery("_locale", "user"))
	assert.Equal(t, 201, s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, fetch).status)
	assert.Equal(t, 200, s.call(t, "GET", "/session", "", fetch).status)
	assert.Equal(t, 200, s.call(t, "POST", "/resume", `{}`, fetch).status)
	// fetch(…, {keepalive: true}) of a page that is being closed.
	keepalive := all(fetch, header("Referer", s.server.URL+"/webinar/"), header("Sec-Fetch-Mode", "cors"))
	assert.Equal(t, 200, s.call(t, "POST", "/exit", `{"webinar_id":"intro"}`, keepalive).status)
}

func TestResponsesAreNeverEmpty(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	for route, body := range map[string]string{"/enter": `{"webinar_id":"intro"}`, "/resume": "", "/exit": `{"webinar_id":"intro"}`} {
		res := s.call(t, "POST", route, body, page(anna()))
		assert.NotEmpty(t, res.json, "wp.apiFetch throws on an empty 200")
	}
}

func testPublicFiles(t *testing.T) {
	s := setup(t)
	for route, file := range map[string]struct{ name, mediaType string }{
		"/openapi.yaml":          {"openapi.yaml", "application/yaml"},
		"/player.js":             {"player/dist/player.js", "text/javascript; charset=utf-8"},
		"/player.js.map":         {"player/dist/player.js.map", "application/json"},
		"/player.classic.js":     {"player/dist/player.classic.js", "text/javascript; charset=utf-8"},
		"/player.classic.js.map": {"player/dist/player.classic.js.map", "application/json"},
		"/player/vimeo.js":       {"player/dist/player/vimeo.js", "text/javascript; charset=utf-8"},
		"/player/vimeo.js.map":   {"player/dist/player/vimeo.js.map", "application/json"},
		"/player/youtube.js":     {"player/dist/player/youtube.js", "text/javascript; charset=utf-8"},
		"/player/youtube.js.map": {"player/dist/player/youtube.js.map", "application/json"},
		"/autowebinar.d.ts":      {"player/autowebinar.d.ts", "text/plain; charset=utf-8"},
	} {
		want, err := api.Files.ReadFile(file.name)
		require.NoError(t, err)
		for _, who := range []requestOption{anonymous, page(anna()), bearer("x")} {
			res := s.call(t, "GET", route, "", who)
			assert.True(t, bytes.Equal(want, res.raw), route)
			assert.Equal(t, file.mediaType, res.header.Get("Content-Type"))
			assert.Equal(t, "nosniff", res.header.Get("X-Content-Type-Options"))
			assert.NotContains(t, res.header, "X-Wp-Nonce")
		}
		tag := s.call(t, "GET", route, "").header.Get("ETag")
		again := s.call(t, "GET", route, "", header("If-None-Match", tag))
		assert.Equal(t, http.StatusNotModified, again.status)
		assert.Empty(t, again.raw)
		part := s.call(t, "GET", route, "", header("Range", "bytes=0-9"))
		assert.True(t, bytes.Equal(want, part.raw), "ranges are not supported")
	}
}
