package demo

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"time"
)

// webinarInfo describes a webinar to the page.
type webinarInfo struct{ ID, Title string }

// webinars lists the webinars of the constant Webinars.
func webinars() []webinarInfo { return []webinarInfo{{"intro", "Intro"}, {"pro", "Pro"}} }

// policy restricts a page to this server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; media-src 'self'; connect-src 'self'; " +
	"img-src data:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "

func (s *server) index(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.viewer(w, r)
	if !ok {
		return
	}
	http.SetCookie(w, s.Site.Cookie(viewer))
	s.render(w, r, "index.html", "'none'", map[string]any{
		"Viewer": viewer, "Viewers": s.Site.Viewers,
		"Webinar": webinarOf(r), "Webinars": webinars(),
		"Base": BasePath, "Nonce": s.Site.Nonce(viewer, time.Now()),
		"Database": s.Database, "DatabaseSwitch": s.Proxy != nil,
	})
}

// phone serves the page of the viewer's second device, which logs in with a token.
func (s *server) phone(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.viewer(w, r)
	if !ok {
		return
	}
	s.render(w, r, "phone.html", "'self'", map[string]any{"Viewer": viewer, "Webinar": webinarOf(r), "Base": BasePath})
}

// token issues a token for the phone, which requests another one when it expires.
func (s *server) token(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.viewer(w, r)
	if !ok {
		return
	}
	token, err := s.Site.Token(viewer, time.Now())
	if err != nil {
		s.internalError(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(token)
}

// webinarOf returns the webinar that the query names, by default the first one.
func webinarOf(r *http.Request) webinarInfo {
	all := webinars()
	i := slices.IndexFunc(all, func(one webinarInfo) bool { return one.ID == r.URL.Query().Get("webinar") })
	return all[max(i, 0)]
}

func (s *server) render(w http.ResponseWriter, r *http.Request, name, ancestors string, data map[string]any) {
	var page bytes.Buffer
	if err := s.pages.ExecuteTemplate(&page, name, data); err != nil {
		s.internalError(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy+ancestors)
	h.Set("Cache-Control", "no-store") // the page contains a viewer's nonce
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	_, _ = page.WriteTo(w)
}

// fileHandlers returns the handlers of the files that the pages load, by name.
func fileHandlers() map[string]http.HandlerFunc {
	handlers := map[string]http.HandlerFunc{}
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		panic("demo: " + err.Error()) // happens only if the file is not embedded
	}
	for _, entry := range entries {
		if contentType := mediaType(entry.Name()); contentType != "" {
			handlers[entry.Name()] = serveFile(entry.Name(), contentType)
		}
	}
	return handlers
}

// mediaType returns the media type of a file, or "" if the file is not served.
func mediaType(name string) string {
	return map[string]string{
		".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".mp4": "video/mp4", ".woff2": "font/woff2",
	}[path.Ext(name)]
}

// serveFile serves an embedded file. It supports ranges, with which browsers seek
// in a video.
func serveFile(name, contentType string) http.HandlerFunc {
	content, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		panic("demo: " + err.Error())
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	}
}
