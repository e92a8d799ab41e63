package demo

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"time"
)

// show is one of the two webinars, for the page.
type show struct{ ID, Title string }

// shows are the webinars of Webinars.
func shows() []show { return []show{{"intro", "Intro"}, {"pro", "Pro"}} }

// policy lets a page load and call nothing but this server.
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
		"Webinar": chosen(r), "Webinars": shows(),
		"Base": s.BasePath, "Nonce": s.Site.Nonce(viewer, s.Now()),
		"Engine": s.Engine, "Wire": s.Wire != nil,
	})
}

// phone is the viewer's other device, which logs in by a token.
func (s *server) phone(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.viewer(w, r)
	if !ok {
		return
	}
	s.render(w, r, "phone.html", "'self'", map[string]any{"Viewer": viewer, "Webinar": chosen(r), "Base": s.BasePath})
}

// token gives the phone a new token, now and when the last one has expired.
func (s *server) token(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.viewer(w, r)
	if !ok {
		return
	}
	token, err := s.Site.Token(viewer, s.Now())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(token)
}

// chosen is the webinar that the address names, or the first one.
func chosen(r *http.Request) show {
	all := shows()
	i := slices.IndexFunc(all, func(one show) bool { return one.ID == r.URL.Query().Get("webinar") })
	return all[max(i, 0)]
}

func (s *server) render(w http.ResponseWriter, r *http.Request, name, ancestors string, data map[string]any) {
	var page bytes.Buffer
	if err := s.pages.ExecuteTemplate(&page, name, data); err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy+ancestors)
	h.Set("Cache-Control", "no-store") // the page holds one viewer's nonce or token
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	_, _ = page.WriteTo(w)
}

// files are the handlers of everything the pages load, by name.
func files() map[string]http.HandlerFunc {
	handlers := map[string]http.HandlerFunc{}
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		panic("demo: " + err.Error()) // not in the binary: no test has passed
	}
	for _, entry := range entries {
		if contentType := typeOf(entry.Name()); contentType != "" {
			handlers[entry.Name()] = file(entry.Name(), contentType)
		}
	}
	return handlers
}

// typeOf is the media type of a file that is served, else empty.
func typeOf(name string) string {
	return map[string]string{
		".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".mp4": "video/mp4", ".woff2": "font/woff2",
	}[path.Ext(name)]
}

// file serves an embedded file, also in ranges: browsers seek in a video by them.
func file(name, contentType string) http.HandlerFunc {
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
