package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// checkOrigin rejects unsafe requests from pages of other sites. Only listed
// origins receive CORS headers and responses to preflights.
func (a *API) checkOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		listed := origin != "" && slices.Contains(a.cfg.CORSOrigins, origin)
		if listed {
			setCORSHeaders(w.Header(), origin)
		}
		switch {
		case listed && r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "":
			w.WriteHeader(http.StatusNoContent)
		case !listed && isUnsafe(r.Method) && isCrossSite(r, origin):
			a.fail(w, r, errForbidden.withCause(fmt.Errorf("origin %.100q, host %.100q", origin, r.Host)))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func setCORSHeaders(h http.Header, origin string) {
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

// isCrossSite reports whether a browser sent the request from another site's page.
// Old browsers send only the origin. Its scheme is not compared, because TLS often
// ends at a proxy.
func isCrossSite(r *http.Request, origin string) bool {
	switch r.Header.Get("Sec-Fetch-Site") { // pages cannot forge it
	case "same-origin", "none":
		return false
	case "cross-site":
		return true
	}
	if origin == "" {
		return false
	}
	page, err := url.Parse(origin)
	if err != nil || page.Host == "" {
		return true
	}
	return !strings.EqualFold(stripDefaultPort(page.Host), stripDefaultPort(r.Host))
}

// stripDefaultPort removes the default ports of HTTP and HTTPS.
func stripDefaultPort(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}
