package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

const base = "/wp-json/autowebinar/v1"

// video is the video of the demo. It lasts 100 seconds.
const video = "../demo/page/webinar.mp4"

// site is a web site with a page, a video and the service behind a proxy. One
// viewer is logged in.
type site struct {
	URL      string
	db       *mariadbtest.DB
	receiver *servicetest.Receiver
	service  *servicetest.Service
	viewer   servicetest.Viewer

	mu            sync.Mutex
	pages         map[string]string
	headers       http.Header // sent with pages
	nonce         string      // inserted into pages
	nonceRenewals int         // requests to the nonce endpoint of WordPress
	fault         func(w http.ResponseWriter, r *http.Request) bool
	calls         []call
}

// call is a request for the service that arrived at the site.
type call struct {
	Route  string
	Body   map[string]any
	Header http.Header
	Query  url.Values
	Status int // 0 if there is no response yet
	At     time.Time
}

// newSite starts a site. settings adds AUTOWEBINAR_ variables to those of the service.
func newSite(t *testing.T, settings map[string]string) *site {
	t.Helper()
	s := &site{db: mariadbtest.New(t), receiver: servicetest.NewReceiver(t), pages: map[string]string{}, headers: http.Header{}}
	s.viewer = servicetest.NewViewer(t, s.db, 1)
	s.nonce = s.viewer.Nonce
	env := servicetest.Settings(s.db.DSN, s.receiver.URL)
	env["AUTOWEBINAR_WEBINARS"] = "intro=100,pro=100"
	env["AUTOWEBINAR_HEARTBEAT_SEC"] = "2"
	for name, value := range settings {
		env["AUTOWEBINAR_"+name] = value
	}
	s.service = servicetest.Start(t, env).Ready(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("calls to the service: %s", s.transcript())
		}
	})
	s.setPage("/", scriptTagPage)
	s.setPage("/player", codePage)

	mux := http.NewServeMux()
	mux.HandleFunc("/", s.serve)
	mux.HandleFunc("GET /webinar.mp4", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, video) })
	mux.Handle("GET /npm/", http.StripPrefix("/npm/", http.FileServer(http.Dir("../../.ci/npm/node_modules"))))
	mux.Handle("GET /testdata/", http.FileServer(http.Dir(".")))
	mux.HandleFunc("GET /wp-admin/admin-ajax.php", s.serveNonce)
	mux.Handle(base+"/", s.proxyToService(t))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// setPage serves a page at a path, with {{nonce}} replaced by a wp_rest nonce.
func (s *site) setPage(path, html string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = html
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	html, ok := s.pages[r.URL.Path]
	nonce, headers := s.nonce, s.headers.Clone()
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	for name, values := range headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Set-Cookie", s.viewer.Cookie+"; Path=/; HttpOnly")
	_, _ = io.WriteString(w, strings.ReplaceAll(html, "{{nonce}}", nonce))
}

// withLock changes the site while pages are open.
func (s *site) withLock(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// countNonceRenewals returns how many nonces have been requested.
func (s *site) countNonceRenewals() (n int) {
	s.withLock(func() { n = s.nonceRenewals })
	return n
}

// serveNonce is admin-ajax.php?action=rest-nonce of WordPress.
func (s *site) serveNonce(w http.ResponseWriter, r *http.Request) {
	var nonce string
	s.withLock(func() { s.nonceRenewals++; nonce = s.viewer.Nonce })
	_, _ = io.WriteString(w, nonce)
}

// proxyToService forwards requests to the service unless a fault responds to
// them.
func (s *site) proxyToService(t *testing.T) http.Handler {
	target, err := url.Parse(s.service.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		c := call{Route: strings.TrimPrefix(r.URL.Path, base+"/"), Header: r.Header.Clone(), Query: r.URL.Query(), At: time.Now()}
		_ = json.Unmarshal(body, &c.Body)
		s.mu.Lock()
		fault := s.fault
		s.mu.Unlock()
		once := sync.Once{}
		record := func(status int) {
			once.Do(func() {
				c.Status = status
				s.withLock(func() { s.calls = append(s.calls, c) })
			})
		}
		defer record(0)
		w = &statusWriter{w, record}
		if fault == nil || !fault(w, r) {
			proxy.ServeHTTP(w, r)
		}
	})
}

// statusWriter records the status before the page can receive it.
type statusWriter struct {
	http.ResponseWriter
	record func(status int)
}

func (w *statusWriter) WriteHeader(status int) {
	w.record(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	w.record(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// setFault sets a function that is called before a request is forwarded to the
// service. If it returns true, it has responded itself. Nil removes it.
func (s *site) setFault(fault func(w http.ResponseWriter, r *http.Request) bool) {
	s.withLock(func() { s.fault = fault })
}

// badGateway is a fault that responds like a proxy whose upstream is down.
func badGateway(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, "<h1>502 Bad Gateway</h1>")
	return true
}

// callsTo returns the calls of a route that have a response. A call is recorded
// before the page can receive the response. The route "" means all calls except
// those for files.
func (s *site) callsTo(route string) []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []call
	for _, c := range s.calls {
		isFile := strings.Contains(c.Route, ".js")
		if c.Route == route || route == "" && !isFile {
			found = append(found, c)
		}
	}
	return found
}

// waitForCall waits for a call of a route that satisfies a condition, and
// returns it.
func (s *site) waitForCall(t *testing.T, route, what string, matches func(call) bool) call {
	t.Helper()
	var found call
	require.Eventually(t, func() bool {
		for _, c := range s.callsTo(route) {
			if matches(c) {
				found = c
				return true
			}
		}
		return false
	}, waitTimeout, 20*time.Millisecond, "%s: %s; calls: %s", route, what, lazy(s.transcript))
	return found
}

// lazy is a text that is computed only when it is printed.
type lazy func() string

func (l lazy) String() string { return l() }

func (s *site) transcript() string {
	var b strings.Builder
	for _, c := range s.callsTo("") {
		body, _ := json.Marshal(c.Body)
		fmt.Fprintf(&b, "\n  %s %s %d %s", c.At.Format("05.000"), c.Route, c.Status, body)
	}
	return b.String()
}

// row returns the value of a row of the viewer's user meta, "" if there is none.
func (s *site) row(t *testing.T, key string) string {
	t.Helper()
	values := s.db.Meta(t, s.viewer.ID)["autowebinar_"+key]
	if len(values) == 0 {
		return ""
	}
	require.Len(t, values, 1, key)
	return values[0]
}

// waitForRow waits until the value of a row satisfies a condition.
func (s *site) waitForRow(t *testing.T, key string, is func(string) bool) string {
	t.Helper()
	var value string
	require.Eventually(t, func() bool { value = s.row(t, key); return is(value) }, waitTimeout, 20*time.Millisecond,
		"%s; calls: %s", key, lazy(s.transcript))
	return value
}

// seedProgress stores a session that the viewer entered 100 s ago and has watched
// up to a position.
func (s *site) seedProgress(t *testing.T, position int) {
	t.Helper()
	s.viewer.Must(t, s.service, 201, "/enter", `{"webinar_id":"intro"}`)
	servicetest.AgeSession(t, s.db, s.viewer, 100*time.Second)
	s.viewer.Must(t, s.service, 200, "/progress", fmt.Sprintf(`{"webinar_id":"intro","position_sec":%d}`, position))
}
