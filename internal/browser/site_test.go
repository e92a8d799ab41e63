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

// video is the demo's: 100 seconds, its marks are the seconds 25, 50 and 75.
const video = "../demo/page/webinar.mp4"

// site is a web site with a page, a video and the service behind it. One viewer
// is logged in.
type site struct {
	URL     string
	db      *mariadbtest.DB
	sink    *servicetest.Receiver
	service *servicetest.Service
	viewer  servicetest.Viewer

	mu            sync.Mutex
	pages         map[string]string
	headers       http.Header // of pages
	nonce         string      // that pages are given
	nonceRenewals int         // nonces asked for at WordPress's address
	fault         func(w http.ResponseWriter, r *http.Request) bool
	calls         []call
}

// call is a request that arrived at the site for the service.
type call struct {
	Route  string
	Body   map[string]any
	Header http.Header
	Query  url.Values
	Status int // 0: the network was lost
	At     time.Time
}

// build starts a site. settings are further AUTOWEBINAR_ variables of the service.
func newSite(t *testing.T, settings map[string]string) *site {
	t.Helper()
	s := &site{db: mariadbtest.New(t), sink: servicetest.NewReceiver(t), pages: map[string]string{}, headers: http.Header{}}
	s.viewer = servicetest.NewViewer(t, s.db, 1)
	s.nonce = s.viewer.Nonce
	env := servicetest.Settings(s.db.DSN, s.sink.URL)
	env["AUTOWEBINAR_WEBINARS"] = "intro=100,pro=100"
	env["AUTOWEBINAR_HEARTBEAT_SEC"] = "2"
	for name, value := range settings {
		env["AUTOWEBINAR_"+name] = value
	}
	s.service = servicetest.Start(t, env).Ready(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("said to the service: %s", s.transcript())
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

// page puts a page under a path; {{nonce}} in it is a wp_rest nonce.
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

// set changes the site while it is being visited.
func (s *site) withLock(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// renewals are the nonces asked for so far.
func (s *site) countNonceRenewals() (n int) {
	s.withLock(func() { n = s.nonceRenewals })
	return n
}

// renew is WordPress's admin-ajax.php?action=rest-nonce.
func (s *site) serveNonce(w http.ResponseWriter, r *http.Request) {
	var nonce string
	s.withLock(func() { s.nonceRenewals++; nonce = s.viewer.Nonce })
	_, _ = io.WriteString(w, nonce)
}

// forward passes requests on to the service, unless a fault takes them.
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

// statusWriter records a status before the page can see it.
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

// breaks makes every request to the service meet a fault, which may let it
// pass by returning false; nil: none.
func (s *site) setFault(fault func(w http.ResponseWriter, r *http.Request) bool) {
	s.withLock(func() { s.fault = fault })
}

// down is a proxy in front of a service that is not there.
func badGateway(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, "<h1>502 Bad Gateway</h1>")
	return true
}

// said are the calls of a route that were answered so far, each recorded before
// its answer can be seen; "" is every route that is no file.
func (s *site) callsTo(route string) []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []call
	for _, c := range s.calls {
		file := strings.Contains(c.Route, ".js")
		if c.Route == route || route == "" && !file {
			found = append(found, c)
		}
	}
	return found
}

// hears waits for a call of a route that satisfies a condition.
func (s *site) waitForCall(t *testing.T, route, what string, is func(call) bool) call {
	t.Helper()
	var found call
	require.Eventually(t, func() bool {
		for _, c := range s.callsTo(route) {
			if is(c) {
				found = c
				return true
			}
		}
		return false
	}, waitTimeout, 20*time.Millisecond, "%s: %s; said: %s", route, what, lazy(func() string { return s.transcript() }))
	return found
}

// lazy is text that is made when it is printed.
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

// row is a row of the viewer's user meta, "" if there is none.
func (s *site) row(t *testing.T, key string) string {
	t.Helper()
	values := s.db.Meta(t, s.viewer.ID)["autowebinar_"+key]
	if len(values) == 0 {
		return ""
	}
	require.Len(t, values, 1, key)
	return values[0]
}

// becomes waits until a row satisfies a condition.
func (s *site) waitForRow(t *testing.T, key string, is func(string) bool) string {
	t.Helper()
	var value string
	require.Eventually(t, func() bool { value = s.row(t, key); return is(value) }, waitTimeout, 20*time.Millisecond,
		"%s; said: %s", key, lazy(s.transcript))
	return value
}

// stands puts the viewer into the middle of a webinar: entered long ago, watched
// up to a position.
func (s *site) seedProgress(t *testing.T, position int) {
	t.Helper()
	s.viewer.Must(t, s.service, 201, "/enter", `{"webinar_id":"intro"}`)
	servicetest.AgeSession(t, s.db, s.viewer, 100*time.Second)
	s.viewer.Must(t, s.service, 200, "/progress", fmt.Sprintf(`{"webinar_id":"intro","position_sec":%d}`, position))
}
