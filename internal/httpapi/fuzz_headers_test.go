package httpapi

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

// FuzzReadBody reads any body of any type: the result is an object or a known error.
func FuzzReadBody(f *testing.F) {
	for _, seed := range [][2]string{
		{"application/json", `{"webinar_id":"intro"}`}, {"text/plain;charset=UTF-8", ` {"a":1}`}, {"", ""},
		{"application/x-www-form-urlencoded", "webinar_id=intro&position_sec=1"}, {"application/x-www-form-urlencoded; x", `{"a":1}`},
		{"multipart/form-data; boundary=x", "--x\r\n"}, {"application/vnd.api+json;a=\"", "{}"}, {"application/json, text/html", "{}"},
		{"application/json;charset=utf-16", "{\x00\"\x00"}, {"+json", "{}"}, {"application/JSON", "\ufeff{}"},
		{"application/json", strings.Repeat("[", 300)}, {"application/json", strings.Repeat(" ", 300) + "{}"},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	const limit = 256
	f.Fuzz(func(t *testing.T, mediaType string, content []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(content))
		r.Header.Set("Content-Type", mediaType)
		body, err := readBody(httptest.NewRecorder(), r, limit)
		if err != nil {
			assert.Nil(t, body)
			assert.Contains(t, []int{400, 413, 415}, toAPIError(err).status)
			return
		}
		require.LessOrEqual(t, len(content), limit)
		require.True(t, utf8.Valid(content))
		trimmed := bytes.TrimSpace(content)
		assert.True(t, len(trimmed) == 0 || trimmed[0] == '{')
		for _, never := range []string{"multipart/", "text/html", "application/octet-stream"} {
			assert.False(t, strings.HasPrefix(strings.ToLower(mediaType), never), mediaType)
		}
	})
}

// FuzzOrigin checks that a page counts as same-site only if its origin is the host.
func FuzzOrigin(f *testing.F) {
	for _, seed := range [][3]string{
		{"https://example.test", "example.test", ""}, {"https://example.test:443", "example.test:80", ""}, {"null", "null", ""},
		{"https://evil.test", "example.test", "same-origin"}, {"https://example.test@evil.test", "example.test", "same-site"},
		{"https://example.test:80:443", "example.test", ""}, {"//example.test", "example.test", "cross-site"}, {"https://[::1]:80", "[::1]", "none"},
		{"https://example.test%2eevil.test", "example.test", ""}, {"https://EXAMPLE.test/", "example.test", ""}, {"", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, origin, host, site string) {
		r := &http.Request{Host: host, Header: http.Header{"Sec-Fetch-Site": {site}}}
		crossSite := isCrossSite(r, origin)
		switch {
		case site == "cross-site":
			assert.True(t, crossSite)
		case site == "same-origin", site == "none", origin == "":
			assert.False(t, crossSite)
		case !crossSite:
			from, err := url.Parse(origin)
			require.NoError(t, err)
			require.NotEmpty(t, from.Host)
			bare := func(h string) string { return strings.TrimRight(strings.ToLower(h), ":0123456789") }
			assert.True(t, strings.EqualFold(bare(from.Host), bare(host)), "%q %q", origin, host)
			assert.NotEqual(t, "null", origin)
		}
	})
}

// FuzzCredentials extracts a token, a nonce and a user id from any headers.
func FuzzCredentials(f *testing.F) {
	for _, seed := range [][4]string{
		{"Bearer a.b.c", "Basic x", "_wpnonce=1", "7"}, {"Basic x", "bearer\ta  b", "", "007"}, {"Bearer", "", "_wpnonce", "18446744073709551615"},
		{"bearerx y", "BEARER  ", "_WPNONCE=1&_wpnonce=&_wpnonce=2", "18446744073709551616"}, {"\u00a0Bearer x", "Bearer\u2003y", "%5fwpnonce=x;a", "-0"},
		{"", "", "a=%zz&_wpnonce=ok", "+7"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, first, second, query, id string) {
		r := &http.Request{Header: http.Header{"Authorization": {first, second}}, URL: &url.URL{RawQuery: query}}
		token, isBearer := bearer(r)
		if isBearer {
			assert.Contains(t, strings.ToLower(first+second), "bearer")
			assert.Equal(t, strings.Join(strings.Fields(token), " "), token)
		} else {
			assert.Empty(t, token)
		}
		nonce, present := sentNonce(r)
		assert.Equal(t, r.URL.Query().Has("_wpnonce"), present, "no header was sent")
		assert.Equal(t, r.URL.Query().Get("_wpnonce"), nonce)

		user, ok := parseUserID(id)
		assert.Equal(t, ok, user != 0)
		if ok {
			assert.Equal(t, id, strings.TrimLeft(id, "+0 "), "an id has one form")
		}
	})
}

// FuzzNormalize normalizes any address and method. It checks that only a POST
// is overridden, that a link remains a GET, and that the logged path has no
// parameters.
func FuzzNormalize(f *testing.F) {
	for _, seed := range [][3]string{
		{"POST", "/wp-json/autowebinar/v1/enter/?_method=get", ""}, {"POST", "/?rest_route=/autowebinar/v1/exit%3F_wpnonce=0badcafe01", "patch"},
		{"GET", "/index.php?_method=POST&rest_route=/autowebinar/v1/", "POST"}, {"HEAD", "/%2F//", "x"}, {"POST", "/a%253F_wpnonce%253D0badcafe01", "HEAD"},
		{"get", "*", "GET"}, {"POST", "/%00?rest_route=%2Fautowebinar%2Fv1%2f..%2f", "\x00"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	a := &API{cfg: Config{BasePaths: []string{"/base"}}}
	f.Fuzz(func(t *testing.T, method, target, override string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := &http.Request{Method: method, URL: u, Header: http.Header{"X-Http-Method-Override": {override}}}
		var got *http.Request
		a.normalize(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })).ServeHTTP(nil, r)
		require.NotNil(t, got)
		switch method {
		case http.MethodPost:
			assert.Equal(t, strings.ToUpper(got.Method), got.Method)
			assert.NotEmpty(t, got.Method)
		case http.MethodHead:
			assert.Equal(t, http.MethodGet, got.Method)
		default:
			assert.Equal(t, method, got.Method)
		}
		assert.Equal(t, u.RawQuery, got.URL.RawQuery)
		assert.Equal(t, method, r.Method, "the original request is unchanged")
		logged := loggedPath(r)
		path, route, _ := strings.Cut(logged, "?rest_route=")
		assert.False(t, strings.ContainsAny(path+route, "?&;=%"), logged)
		assert.LessOrEqual(t, len(logged), 2*maxLoggedPath+len("?rest_route="))
	})
}

// FuzzQuery sends any query to GET /session. The response must be a session of the
// webinar that the query names, or an error.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "webinar_id=intro", "webinar_id=", "webinar_id=Intro", "webinar_id=%zz", "webinar_id=a;b", "webinar_id=intro&webinar_id=pro",
		"webinar_id[]=intro", "webinar_id=intro%00", "webinar_id=1'%20OR%201=1--", "_locale=user&webinar_id=unknown", "WEBINAR_ID=intro"} {
		f.Add(seed)
	}
	store := &memoryStore{}
	a := &API{cfg: Config{Viewers: store}}
	f.Fuzz(func(t *testing.T, query string) {
		store.reset()
		got, err := a.session(&request{Request: &http.Request{URL: &url.URL{RawQuery: query}}, user: 7})
		if err != nil {
			assert.Contains(t, []int{400, 404}, toAPIError(err).status, query)
			return
		}
		named, _ := url.ParseQuery(query)
		if named.Has("webinar_id") {
			assert.Equal(t, webinar.ID(named.Get("webinar_id")), *got.body.(sessionJSON).WebinarID)
		}
		assert.Zero(t, store.changes)
	})
}
