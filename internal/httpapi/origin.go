package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// checkOrigin keeps other sites' pages out. Without a list of origins no CORS
// header is ever sent; listed origins get theirs, and preflights, which carry
// no credentials, are answered before anybody asks who it is.
func (a *API) checkOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		listed := origin != "" && slices.Contains(a.cfg.CORSOrigins, origin)
		if listed {
			allow(w.Header(), origin)
		}
		switch {
		case listed && r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "":
			w.WriteHeader(http.StatusNoContent)
		case !listed && isUnsafe(r.Method) && isForeign(r, origin):
			a.fail(w, r, errForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func allow(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-WP-Nonce, X-HTTP-Method-Override")
	h.Set("Access-Control-Expose-Headers", "X-WP-Nonce, X-Request-Id, Retry-After")
	h.Set("Access-Control-Max-Age", "600")
}

func isUnsafe(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// isForeign tells whether a browser sent the request from another site's page.
// The scheme is not compared: TLS often ends before us.
func isForeign(r *http.Request, origin string) bool {
	if origin == "" {
		return r.Header.Get("Sec-Fetch-Site") == "cross-site"
	}
	from, err := url.Parse(origin)
	if err != nil || from.Host == "" {
		return true
	}
	return !strings.EqualFold(plainHost(from.Host), plainHost(r.Host))
}

// plainHost leaves out the ports that go without saying.
func plainHost(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}
