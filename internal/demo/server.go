package demo

import (
	"database/sql"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// Webinars is the AUTOWEBINAR_WEBINARS of the demo: both are the one video, of
// a hundred seconds.
const Webinars = "intro=100,pro=100"

// SinkPath is where Handler receives webhooks.
const SinkPath = "/demo/sink"

// BasePathDefault is where the service stands unless it is told otherwise.
const BasePathDefault = "/wp-json/autowebinar/v1"

//go:embed page
var pageFiles embed.FS

// Config is what Handler needs.
type Config struct {
	Site     *Site            // required
	DB       *sql.DB          // required: the rows are read from it
	Sink     *Sink            // required
	Wire     *Wire            // between the service and its database; nil: the page cannot cut it
	Engine   string           // of the database, for people; may be empty
	BasePath string           // of the service, beside this handler; default BasePathDefault
	Now      func() time.Time // default time.Now
	Logger   *slog.Logger     // default slog.Default()
}

// server answers the demo's own routes.
type server struct {
	Config
	pages *template.Template
}

// Handler gives the page at / and what it needs under /demo/. The service's own
// routes are mounted beside it by the caller; the page loads the player client
// from <BasePath>/player.js.
//
//	GET  /?viewer=1&webinar=intro            the page, and the viewer's login cookie
//	GET  /demo/phone?viewer=1&webinar=intro  a second device, which logs in by a token
//	GET  /demo/token?viewer=1                a viewer's JWT, as a JSON string
//	GET  /demo/rows?viewer=1                 {"viewer","now","rows":[{"umeta_id","meta_key","meta_value"}]};
//	                                         503 while the database does not answer
//	POST /demo/forget?viewer=1               delete what the service stored of a viewer: 204
//	GET  /demo/events                        server-sent events: receipt, sink
//	POST /demo/sink                          the webhooks
//	POST /demo/sink/down, …/up               take the sink down, bring it back: 204
//	POST /demo/database/down, …/up           cut the wire to the database, mend it: 204
//	GET  /demo/<file of the page>
func Handler(cfg Config) http.Handler {
	if cfg.BasePath == "" {
		cfg.BasePath = BasePathDefault
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	s := &server{Config: cfg, pages: template.Must(template.ParseFS(pageFiles, "page/*.html"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /demo/phone", s.phone)
	mux.HandleFunc("GET /demo/token", s.token)
	mux.HandleFunc("GET /demo/rows", s.rows)
	mux.HandleFunc("POST /demo/forget", s.forget)
	mux.HandleFunc("GET /demo/events", cfg.Sink.stream)
	mux.Handle("POST "+SinkPath, cfg.Sink)
	toggle(mux, SinkPath, cfg.Sink.SetDown)
	if cfg.Wire != nil {
		toggle(mux, "/demo/database", cfg.Wire.SetCut)
	}
	for name, serve := range files() {
		mux.HandleFunc("GET /demo/"+name, serve)
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

// toggle adds the two routes of something that can be taken down.
func toggle(mux *http.ServeMux, path string, set func(down bool)) {
	for route, down := range map[string]bool{"/down": true, "/up": false} {
		mux.HandleFunc("POST "+path+route, func(w http.ResponseWriter, _ *http.Request) {
			set(down)
			w.WriteHeader(http.StatusNoContent)
		})
	}
}

// viewer reads the parameter of that name; without it, the first one.
func (s *server) viewer(w http.ResponseWriter, r *http.Request) (Viewer, bool) {
	text := r.URL.Query().Get("viewer")
	if text == "" {
		return s.Site.Viewers[0], true
	}
	id, err := strconv.ParseUint(text, 10, 64)
	viewer, ok := s.Site.Viewer(id)
	if err != nil || !ok {
		http.Error(w, "viewer must be the id of one of the demo's", http.StatusBadRequest)
		return Viewer{}, false
	}
	return viewer, true
}

func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.Logger.ErrorContext(r.Context(), "demo page", "path", r.URL.Path, "error", err)
	}
	http.Error(w, "the demo cannot answer; see its log", http.StatusInternalServerError)
}
