package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
)

const headerRequestID = "X-Request-Id"

var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// identifyClient determines the client's address and the request id, and starts the
// request's log. Headers of a proxy count only if the proxy is trusted.
func (a *API) identifyClient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		remote, _ := netip.ParseAddrPort(r.RemoteAddr)
		peer := remote.Addr().Unmap()
		l, id := &requestLog{client: peer}, ""
		if a.trusts(peer) {
			l.client = a.forwardedFor(peer, r.Header.Values("X-Forwarded-For"))
			id = r.Header.Get(headerRequestID)
		}
		if !requestIDPattern.MatchString(id) {
			id = uuid.NewString()
		}
		w.Header().Set(headerRequestID, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestLogKey{}, l)))
	})
}

func (a *API) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(a.cfg.TrustedProxies, func(proxies netip.Prefix) bool { return proxies.Contains(address) })
}

// forwardedFor returns the rightmost address of the chain that is not a trusted
// proxy. Entries to the left of it may be forged.
func (a *API) forwardedFor(peer netip.Addr, headers []string) netip.Addr {
	chain := strings.Split(strings.Join(headers, ","), ",")
	address := peer
	for i := len(chain) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(chain[i]))
		if err != nil {
			return address
		}
		address = hop.Unmap()
		if !a.trusts(address) {
			return address
		}
	}
	return address
}

// rateLimitKey returns the network that counts as one client: an IPv6 customer
// has a whole /64.
func rateLimitKey(address netip.Addr) netip.Prefix {
	bits := 32
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits)
	return prefix
}
