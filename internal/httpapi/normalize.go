package httpapi

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
)

// restNamespace is the prefix of the routes in the parameter rest_route, which
// sites with plain permalinks use.
const restNamespace = "/autowebinar/v1"

// normalize rewrites requests to the form of the route table. WordPress's clients
// may use plain permalinks, an overridden method, a trailing slash, and HEAD.
func (a *API) normalize(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		path, rewritten := a.restRoute(r.URL.Path, query)
		if !rewritten && r.URL.RawPath != "" && r.URL.RawPath != r.URL.Path {
			path = r.URL.EscapedPath() // an escaped slash separates no segments
		}
		if trimmed := strings.TrimSuffix(path, "/"); trimmed != "" {
			path = trimmed
		}
		normalized := *r
		normalized.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery}
		normalized.Method = method(r, query)
		next.ServeHTTP(w, &normalized)
	})
}

// restRoute returns the path in the parameter rest_route, and whether the
// parameter applies to the path of this request.
func (a *API) restRoute(path string, query url.Values) (string, bool) {
	route := query.Get("rest_route")
	if !strings.HasPrefix(route, restNamespace+"/") {
		return path, false
	}
	if path != "/" && !strings.HasSuffix(path, "/") && !strings.HasSuffix(path, "/index.php") {
		return path, false
	}
	return a.cfg.BasePaths[0] + strings.TrimPrefix(route, restNamespace), true
}

// method applies WordPress's method override, which is the parameter or else the
// header. It applies to POST only, so that a link can never cause more than a
// GET.
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
