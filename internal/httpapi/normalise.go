package httpapi

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
)

// restNamespace is how the routes are called in `?rest_route=`, the form of
// address on sites with plain permalinks.
const restNamespace = "/autowebinar/v1"

// normalise brings the ways in which WordPress's clients address a route down
// to one: plain permalinks, an overridden method, one trailing slash, HEAD.
func (a *API) normalise(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		path, plain := a.plainRoute(r.URL.Path, query)
		if !plain && r.URL.RawPath != "" && r.URL.RawPath != r.URL.Path {
			path = r.URL.EscapedPath() // an escaped slash is no slash
		}
		if trimmed := strings.TrimSuffix(path, "/"); trimmed != "" {
			path = trimmed
		}
		normal := *r
		normal.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery}
		normal.Method = method(r, query)
		next.ServeHTTP(w, &normal)
	})
}

func (a *API) plainRoute(path string, query url.Values) (string, bool) {
	route := query.Get("rest_route")
	if !strings.HasPrefix(route, restNamespace+"/") {
		return path, false
	}
	if path != "/" && !strings.HasSuffix(path, "/") && !strings.HasSuffix(path, "/index.php") {
		return path, false
	}
	return a.cfg.BasePaths[0] + strings.TrimPrefix(route, restNamespace), true
}

// method is WordPress's override: the parameter first, then the header. It
// counts on POST alone, so that a link can never be more than a GET.
func method(r *http.Request, query url.Values) string {
	name := r.Method
	if name == http.MethodPost {
		name = strings.ToUpper(cmp.Or(query.Get("_method"), r.Header.Get("X-HTTP-Method-Override"), name))
	}
	if name == http.MethodHead {
		return http.MethodGet
	}
	return name
}
