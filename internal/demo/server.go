package demo

import (
	"bytes"
	"database/sql"
	"embed"
	"encoding/json"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"autowebinar/internal/webinar"
)

// Webinars is the AUTOWEBINAR_WEBINARS of the demo: both are the one video.
const Webinars = "intro=60,pro=60"

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
	BasePath string           // of the service, beside this handler; default BasePathDefault
	Now      func() time.Time // default time.Now
	Logger   *slog.Logger     // default slog.Default()
}

// server answers the demo's own routes.
type server struct {
	Config
	page *template.Template
}

// Handler gives the page at / and what it needs under /demo/. The service's own
// routes are mounted beside it by the caller; the page loads the player client
// from <BasePath>/player.js.
//
//	GET  /?viewer=1&webinar=intro   the page, and the viewer's login cookie
//	GET  /demo/rows?viewer=1        {"viewer","rows":[{"umeta_id","meta_key","meta_value"}]}
//	GET  /demo/events               server-sent events: receipt, sink
//	POST /demo/sink                 the webhooks
//	POST /demo/sink/down, …/up      take the sink down, bring it back: 204
//	GET  /demo/webinar.mp4, page.js, style.css
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
	s := &server{Config: cfg, page: template.Must(template.ParseFS(pageFiles, "page/index.html"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /demo/rows", s.rows)
	mux.HandleFunc("GET /demo/events", cfg.Sink.stream)
	mux.Handle("POST "+SinkPath, cfg.Sink)
	mux.HandleFunc("POST "+SinkPath+"/down", s.setSink(true))
	mux.HandleFunc("POST "+SinkPath+"/up", s.setSink(false))
	mux.HandleFunc("GET /demo/page.js", file("page.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("GET /demo/style.css", file("style.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /demo/webinar.mp4", file("webinar.mp4", "video/mp4"))
	return http.NewCrossOriginProtection().Handler(mux)
}

// file serves an embedded file, also in ranges: browsers seek in a video by them.
func file(name, contentType string) http.HandlerFunc {
	content, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		panic("demo: " + err.Error()) // not in the binary: no test has passed
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	}
}

// policy lets the page load and call nothing but this server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; connect-src 'self'; " +
	"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (s *server) index(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.viewer(w, r)
	if !ok {
		return
	}
	webinarID := r.URL.Query().Get("webinar")
	names := []string{"intro", "pro"}
	if !slices.Contains(names, webinarID) {
		webinarID = names[0]
	}
	var page bytes.Buffer
	err := s.page.Execute(&page, map[string]any{
		"Viewer": viewer, "Viewers": s.Site.Viewers,
		"Webinar": webinarID, "Webinars": names,
		"Base": s.BasePath, "Nonce": s.Site.Nonce(viewer, s.Now()),
	})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.SetCookie(w, s.Site.Cookie(viewer))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store") // the page holds one viewer's nonce
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = page.WriteTo(w)
}

// viewer reads the parameter of that name; without it, the first one.
func (s *server) viewer(w http.ResponseWriter, r *http.Request) (Viewer, bool) {
	text := r.URL.Query().Get("viewer")
	if text == "" {
		return s.Site.Viewers[0], true
	}
	id, err := strconv.ParseUint(text, 10, 64)
	viewer, ok := s.Site.Viewer(webinar.UserID(id))
	if err != nil || !ok {
		http.Error(w, "viewer must be 1 or 2", http.StatusBadRequest)
		return Viewer{}, false
	}
	return viewer, true
}

// metaRow is one row of wp_usermeta; a NULL value is shown as the empty string.
type metaRow struct {
	ID    uint64 `json:"umeta_id"`
	Key   string `json:"meta_key"`
	Value string `json:"meta_value"`
}

func (s *server) rows(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.viewer(w, r)
	if !ok {
		return
	}
	rows, err := s.readRows(r, viewer)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{"viewer": viewer.ID, "rows": rows})
}

func (s *server) readRows(r *http.Request, viewer Viewer) ([]metaRow, error) {
	found, err := s.DB.QueryContext(r.Context(), `
		SELECT umeta_id, meta_key, COALESCE(meta_value, '')
		FROM wp_usermeta
		WHERE user_id = ? AND meta_key LIKE 'autowebinar\_%'
		ORDER BY umeta_id`, viewer.ID)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	rows := []metaRow{}
	for found.Next() {
		var row metaRow
		if err := found.Scan(&row.ID, &row.Key, &row.Value); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, found.Err()
}

func (s *server) setSink(down bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		s.Sink.SetDown(down)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.Logger.ErrorContext(r.Context(), "demo page", "path", r.URL.Path, "error", err)
	}
	http.Error(w, "the demo cannot answer; see its log", http.StatusInternalServerError)
}
