package telemetry

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed page
var page embed.FS

// policy lets the status page load and call nothing but this server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Admin serves all that the admin address has:
//
//	/             the status page, for people
//	/status.json  a Status, what the page shows
//	/metrics      for Prometheus
//
// and what Health.Handler serves. It works behind a path prefix too.
func Admin(health *Health, metrics *Metrics, monitor *Monitor) http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the name is wrong above
	}
	mux := http.NewServeMux()
	mux.Handle("/", health.Handler())
	mux.Handle("GET /metrics", metrics.Handler())
	mux.HandleFunc("GET /status.json", monitor.serveStatus)
	mux.Handle("GET /{$}", static(files, "index.html"))
	for _, name := range []string{"status.css", "status.js", "chart.js", "dom.js", "panels.js", "icon.svg"} {
		mux.Handle("GET /page/"+name, static(files, name))
	}
	return mux
}

func static(files fs.FS, name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, files, name)
	})
}
