package telemetry

import (
	"embed"
	"net/http"
)

//go:embed page
var pageFiles embed.FS

// contentSecurityPolicy restricts the status page to resources of this server.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Admin serves the admin address:
//
//	/             the status page
//	/status.json  a Status, which the page shows
//	/metrics      for Prometheus
//
// and the routes of [Health.Handler]. It also works behind a path prefix.
func Admin(health *Health, metrics *Metrics, monitor *Monitor) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", health.Handler())
	mux.Handle("GET /metrics", metrics.Handler())
	mux.HandleFunc("GET /status.json", monitor.serveStatus)
	mux.Handle("GET /{$}", static("page/index.html"))
	for _, name := range []string{"status.css", "status.js", "chart.js", "dom.js", "panels.js", "icon.svg"} {
		mux.Handle("GET /page/"+name, static("page/"+name))
	}
	return mux
}

func static(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, pageFiles, name)
	})
}
