package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"autowebinar/internal/config"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
)

// Viewers changes and reads viewers.
type Viewers interface {
	Change(ctx context.Context, user webinar.UserID, command webinar.Command) (webinar.Result, error)
	Read(ctx context.Context, user webinar.UserID) (webinar.Viewer, time.Time, error)
}

// Leads finds the CRM lead id of a viewer; it is empty if the viewer has none.
type Leads interface {
	LeadID(ctx context.Context, user webinar.UserID) (string, error)
}

// Forms delivers a submitted form to the receiver.
type Forms interface {
	Submit(ctx context.Context, event webinar.Event, leadID string) error
}

// Logins verifies WordPress logins.
type Logins interface {
	Verify(ctx context.Context, cookies []*http.Cookie, accept func(wordpress.Login) bool) (wordpress.Login, error)
	CheckNonce(login wordpress.Login, nonce string) bool
	Nonce(login wordpress.Login) string
}

// Config configures the API. A nil Logins, an empty JWTSecret or empty
// ServiceKeys disables that authentication method.
type Config struct {
	BasePaths []string
	Rules     webinar.Rules
	Viewers   Viewers
	Leads     Leads
	Forms     Forms // nil if there is no receiver; forms are then rejected with 503

	Logins      Logins
	JWTSecret   []byte
	ServiceKeys []string

	CORSOrigins    []string
	TrustedProxies []netip.Prefix
	RateViewer     config.Rate // requests of one viewer
	RateLogin      config.Rate // failed logins: forged credentials per network, invalid nonces per viewer

	Logger   *slog.Logger // required
	Observer Observer     // required
}

// API implements the routes of the service.
type API struct {
	cfg         Config
	viewerLimit *limiter[webinar.UserID]
	nonceLimit  *limiter[webinar.UserID] // stops a client that retries because it never gets a valid nonce
	loginLimit  *limiter[netip.Prefix]
}

const (
	maxBody      = 16 << 10
	maxLargeBody = 64 << 10 // of forms and of lists of users

	requestTimeout = 20 * time.Second
)

// New returns the handler of all routes.
func New(cfg Config) http.Handler {
	a := &API{
		cfg:         cfg,
		viewerLimit: newLimiter[webinar.UserID](cfg.RateViewer),
		nonceLimit:  newLimiter[webinar.UserID](cfg.RateLogin),
		loginLimit:  newLimiter[netip.Prefix](cfg.RateLogin),
	}
	router := chi.NewRouter()
	router.Use( // a request passes them in this order
		a.identifyClient, // first, because all others add to the log
		a.logAccess,      // around recovery, so that a panic is logged as a 500
		a.recoverPanic,
		a.normalize,   // before what depends on the method and the path
		a.checkOrigin, // before authentication, because preflights have no credentials
	)
	router.NotFound(a.noRoute)
	router.MethodNotAllowed(a.noRoute)
	for _, base := range cfg.BasePaths {
		router.Route(base, a.routes)
	}
	return router
}

// routes adds the route table to a router. Each route about a viewer exists
// twice: for the viewer, and for a service key that names the viewer in the path.
func (a *API) routes(router chi.Router) {
	for _, r := range []route{
		{method: http.MethodPost, path: "/enter", maxBody: maxBody, endpoint: a.enter},
		{method: http.MethodPost, path: "/progress", maxBody: maxBody, endpoint: a.progress},
		{method: http.MethodPost, path: "/exit", maxBody: maxBody, endpoint: a.exit},
		{method: http.MethodPost, path: "/resume", maxBody: maxBody, endpoint: a.resume},
		{method: http.MethodGet, path: "/session", endpoint: a.session},
		{method: http.MethodPost, path: "/cta", maxBody: maxBody, endpoint: a.cta},
		{method: http.MethodPost, path: "/register", maxBody: maxBody, endpoint: a.register},
		{method: http.MethodPost, path: "/form", maxBody: maxLargeBody, endpoint: a.form},
	} {
		own, named := r, r
		own.authorize = a.authorizeViewer
		named.path, named.authorize = "/users/{user_id}"+r.path, a.authorizeServiceForUser
		router.Method(r.method, own.path, a.handle(own))
		router.Method(r.method, "/users/{user_id:[0-9]+}"+r.path, a.handle(named))
	}
	router.Post("/attendance", a.handle(route{
		path: "/attendance", maxBody: maxLargeBody, authorize: a.authorizeService, endpoint: a.attendance,
	}))
	for path, f := range map[string]struct{ name, contentType string }{
		"/openapi.yaml":      {"openapi.yaml", "application/yaml"},
		"/player.js":         {"player/dist/player.js", javaScript},
		"/player.classic.js": {"player/dist/player.classic.js", javaScript},
		"/player/vimeo.js":   {"player/dist/player/vimeo.js", javaScript},
		"/player/youtube.js": {"player/dist/player/youtube.js", javaScript},
		"/autowebinar.d.ts":  {"player/autowebinar.d.ts", "text/plain; charset=utf-8"},
	} {
		router.Get(path, file(path, f.name, f.contentType))
		if strings.HasSuffix(path, ".js") {
			router.Get(path+".map", file(path+".map", f.name+".map", "application/json"))
		}
	}
}

func (a *API) noRoute(w http.ResponseWriter, r *http.Request) {
	a.fail(w, r, errNoRoute)
}
