package demo

import (
	"database/sql"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
)

// Webinars is the AUTOWEBINAR_WEBINARS of the demo. Both show the same video of
// 100 seconds.
const Webinars = "intro=100,pro=100"

// ReceiverPath is the path at which Handler receives webhooks.
const ReceiverPath = "/demo/receiver"

// BasePath is the base path of the service.
const BasePath = "/wp-json/autowebinar/v1"

//go:embed page
var pageFiles embed.FS

// Config configures Handler.
type Config struct {
	Site     *Site          // required
	DB       *sql.DB        // required; the page reads the rows from it
	Receiver *Receiver      // required
	Proxy    *DatabaseProxy // of the database; if nil, the page has no database switch
	Database string         // name of the database, for display; may be empty
	Logger   *slog.Logger   // required
}

// server handles the demo's own routes.
type server struct {
	Config
	pages *template.Template
}

// Handler serves the page at / and its files and data under /demo/. The caller
// mounts the service's routes on the same origin; the page loads the player client
// from <BasePath>/player.js.
//
//	GET  /?viewer=1&webinar=intro            the page, and the viewer's login cookie
//	GET  /demo/phone?viewer=1&webinar=intro  a second device, which logs in by a token
//	GET  /demo/token?viewer=1                a viewer's JWT, as a JSON string
//	GET  /demo/rows?viewer=1                 {"viewer","now","rows":[{"umeta_id","meta_key","meta_value"}]};
//	                                         503 while the database is unavailable
//	POST /demo/forget?viewer=1               delete what the service stored of a viewer: 204
//	GET  /demo/events                        server-sent events: receipt, receiver
//	POST /demo/receiver                      webhooks
//	POST /demo/receiver/down, …/up           start or end an outage of the receiver: 204
//	POST /demo/database/down, …/up           start or end an outage of the database: 204
//	GET  /demo/<file>                        scripts, styles, font and video of the page
func Handler(cfg Config) http.Handler {
	s := &server{Config: cfg, pages: template.Must(template.ParseFS(pageFiles, "page/*.html"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /demo/phone", s.phone)
	mux.HandleFunc("GET /demo/token", s.token)
	mux.HandleFunc("GET /demo/rows", s.rows)
	mux.HandleFunc("POST /demo/forget", s.forget)
	mux.HandleFunc("GET /demo/events", cfg.Receiver.stream)
	mux.Handle("POST "+ReceiverPath, cfg.Receiver)
	handleSwitch(mux, ReceiverPath, cfg.Receiver.SetDown)
	if cfg.Proxy != nil {
		handleSwitch(mux, "/demo/database", cfg.Proxy.SetDown)
	}
	for name, serve := range fileHandlers() {
		mux.HandleFunc("GET /demo/"+name, serve)
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

// handleSwitch adds the two routes of a switch.
func handleSwitch(mux *http.ServeMux, path string, set func(down bool)) {
	for route, down := range map[string]bool{"/down": true, "/up": false} {
		mux.HandleFunc("POST "+path+route, func(w http.ResponseWriter, _ *http.Request) {
			set(down)
			w.WriteHeader(http.StatusNoContent)
		})
	}
}

// viewer returns the viewer that the query names, by default the first one. If
// there is none, it responds with an error and returns false.
func (s *server) viewer(w http.ResponseWriter, r *http.Request) (Viewer, bool) {
	text := r.URL.Query().Get("viewer")
	if text == "" {
		return s.Site.Viewers[0], true
	}
	id, err := strconv.ParseUint(text, 10, 64)
	viewer, ok := s.Site.Viewer(id)
	if err != nil || !ok {
		http.Error(w, "viewer must be the id of a demo viewer", http.StatusBadRequest)
		return Viewer{}, false
	}
	return viewer, true
}

func (s *server) internalError(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.Logger.ErrorContext(r.Context(), "demo: request failed", "path", r.URL.Path, "error", err)
	}
	http.Error(w, "internal error of the demo", http.StatusInternalServerError)
}
