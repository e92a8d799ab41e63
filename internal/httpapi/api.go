package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
)

// Viewers changes and reads what the service knows of viewers.
type Viewers interface {
	Change(ctx context.Context, user webinar.UserID, apply usermeta.ApplyFunc) error
	Read(ctx context.Context, user webinar.UserID) (webinar.Viewer, time.Time, error)
}

// Leads finds the lead id of a viewer; empty if there is none.
type Leads interface {
	LeadID(ctx context.Context, user webinar.UserID) (string, error)
}

// Forms passes a submitted form to the sink.
type Forms interface {
	Submit(ctx context.Context, event webinar.Event, leadID string) error
}

// Logins verifies WordPress logins.
type Logins interface {
	Verify(ctx context.Context, cookies []*http.Cookie, accept func(wordpress.Login) bool) (wordpress.Login, error)
	CheckNonce(login wordpress.Login, nonce string) bool
	Nonce(login wordpress.Login) string
}

// Rate is a token bucket: tokens a second and how many may be saved up. A zero
// PerSecond means no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Config says what the door stands on. Nil Logins, an empty JWTSecret and empty
// ServiceKeys each turn that way of asking off.
type Config struct {
	BasePaths []string
	Rules     webinar.Rules
	Viewers   Viewers
	Leads     Leads
	Forms     Forms // nil: no sink, forms are refused with 503 and no event is stored

	Logins      Logins
	JWTSecret   []byte
	ServiceKeys []string

	CORSOrigins    []string
	TrustedProxies []netip.Prefix
	RateViewer     Rate // per viewer
	RateLogin      Rate // failed logins: forged ones per address, wrong nonces per viewer

	Logger   *slog.Logger
	Observer Observer // nil: nobody
}

// API answers the routes of the service.
type API struct {
	cfg         Config
	log         *slog.Logger
	observer    Observer
	viewerLimit *limiter[webinar.UserID]
	nonceLimit  *limiter[webinar.UserID] // wrong ones: ends the loop of a client that gets no other
	loginLimit  *limiter[netip.Prefix]
	keys        [][32]byte
}

// The sizes of bodies, and how long an answer may take.
const (
	bodyLimit     = 16 << 10
	formBodyLimit = 64 << 10 // also for long lists of users

	answerTimeout = 20 * time.Second
)

// New returns the handler of all routes.
func New(cfg Config) http.Handler {
	a := &API{
		cfg: cfg, log: cfg.Logger, keys: digests(cfg.ServiceKeys),
		viewerLimit: newLimiter[webinar.UserID](cfg.RateViewer), nonceLimit: newLimiter[webinar.UserID](cfg.RateLogin),
		loginLimit: newLimiter[netip.Prefix](cfg.RateLogin),
		observer:   cfg.Observer,
	}
	if a.observer == nil {
		a.observer = nopObserver{}
	}
	h := a.routes()
	for _, wrap := range []func(http.Handler) http.Handler{
		a.checkOrigin, a.normalise, a.recover, a.logAccess, a.identifyClient,
	} {
		h = wrap(h)
	}
	return h
}

func (a *API) routes() http.Handler {
	root := chi.NewRouter()
	root.NotFound(a.noRoute)
	root.MethodNotAllowed(a.noRoute)
	for _, base := range a.cfg.BasePaths {
		root.Route(base, func(r chi.Router) {
			both := func(method, path string, limit int64, e endpoint) {
				r.Method(method, path, a.handle(path, a.viewer, limit, e))
				r.Method(method, "/users/{user_id:[0-9]+}"+path, a.handle("/users/{user_id}"+path, a.onBehalf, limit, e))
			}
			both(http.MethodPost, "/enter", bodyLimit, a.enter)
			both(http.MethodPost, "/progress", bodyLimit, a.progress)
			both(http.MethodPost, "/exit", bodyLimit, a.exit)
			both(http.MethodPost, "/resume", bodyLimit, a.resume)
			both(http.MethodGet, "/session", bodyLimit, a.session)
			both(http.MethodPost, "/cta", bodyLimit, a.cta)
			both(http.MethodPost, "/register", bodyLimit, a.register)
			both(http.MethodPost, "/form", formBodyLimit, a.form)
			r.Method(http.MethodPost, "/attendance", a.handle("/attendance", a.service, formBodyLimit, a.attendance))
			published := func(path, name, contentType string) { r.Get(path, onRoute(path, file(name, contentType))) }
			published("/openapi.yaml", "openapi.yaml", "application/yaml")
			for _, script := range []string{"player.js", "player.classic.js", "player/vimeo.js", "player/youtube.js"} {
				published("/"+script, "player/dist/"+script, "text/javascript; charset=utf-8")
				published("/"+script+".map", "player/dist/"+script+".map", "application/json")
			}
			published("/autowebinar.d.ts", "player/autowebinar.d.ts", "text/plain; charset=utf-8")
		})
	}
	return root
}

func (a *API) noRoute(w http.ResponseWriter, r *http.Request) {
	a.fail(w, r, errNoRoute)
}

// newSessionID makes a UUIDv7: they sort by age, which is kind to whoever looks
// through the table.
func newSessionID() (webinar.SessionID, error) {
	id, err := uuid.NewV7()
	return webinar.SessionID(id.String()), err
}
