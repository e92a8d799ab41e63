package contracttest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAliasesResolveToOneRoute(t *testing.T) {
	t.Parallel()
	c := newTestContract(t)
	all := append(c.uncovered(), DocumentedResponse{Path: "/users/{user_id}/form", Method: http.MethodPost})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SampledFrom(all).Draw(t, "documented")
		path := strings.Replace(want.Path, "{user_id}", rapid.StringMatching(`[0-9]{1,20}`).Draw(t, "user"), 1)
		path += rapid.SampledFrom([]string{"", "/"}).Draw(t, "slash")
		query, header, method := url.Values{"_locale": {"user"}}, http.Header{}, want.Method

		target := "/"
		switch prefix := rapid.SampledFrom([]string{basePath, "/a/b" + basePath, "/api", "", "?"}).Draw(t, "base"); prefix {
		case "?":
			target += rapid.SampledFrom([]string{"", "index.php", "blog/"}).Draw(t, "controller")
			query.Set("rest_route", namespace+path)
		default:
			target = prefix + path
		}
		switch rapid.SampledFrom([]string{"", "HEAD", "query", "header"}).Draw(t, "as") {
		case "HEAD":
			if method == http.MethodGet {
				method = http.MethodHead
			}
		case "query":
			method = http.MethodPost
			query.Set("_method", strings.ToLower(want.Method))
			header.Set("X-HTTP-Method-Override", "PATCH")
		case "header":
			method = http.MethodPost
			header.Set("X-HTTP-Method-Override", want.Method)
		}
		req := httptest.NewRequest(method, target+"?"+query.Encode(), nil)
		req.Header = header

		got := c.routeOf(req)
		require.NotNil(t, got.operation, "%s %s", method, req.URL)
		assert.Equal(t, want.Path, got.template)
		assert.Equal(t, want.Method, got.method)
	})
}

func FuzzRouteOf(f *testing.F) {
	for _, seed := range []string{
		"/wp-json/autowebinar/v1/enter", "/?rest_route=/autowebinar/v1/session", "/?rest_route=autowebinar", "//", "/%2f",
		"/users/1/enter?_method=%00", "/wp-json/autowebinar/v1", "/é/session", "/a;b=c/autowebinar/v1/?rest_route=%zz",
	} {
		f.Add(http.MethodPost, seed)
	}
	c, err := loadContract()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, method, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := c.routeOf(&http.Request{Method: method, URL: u, Header: http.Header{}})
		assert.Equal(t, r.operation == nil, r.template == "", "template and operation are both set or both empty")
	})
}
