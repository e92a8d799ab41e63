package demo

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

// world is a demo without the service.
type world struct {
	*httptest.Server
	site *Site
	sink *Sink
	db   *mariadbtest.DB
}

func newWorld(t *testing.T) world {
	t.Helper()
	db := mariadbtest.New(t)
	site, err := Seed(t.Context(), db.SQL.DB, time.Now())
	require.NoError(t, err)
	sink := newSink(t, 0)
	wire, dsn, err := NewWire(db.AdminDSN)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, wire.Close()) })
	wired, err := openPool(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { wired.Close() })
	server := httptest.NewServer(Handler(Config{Site: site, DB: wired, Sink: sink, Wire: wire, Engine: "a MariaDB"}))
	t.Cleanup(server.Close)
	return world{Server: server, site: site, sink: sink, db: db}
}

// ask returns the answer and its whole body. Header lines are "Name: value".
func (w world) ask(t *testing.T, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, nil)
	require.NoError(t, err)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	response, err := w.Client().Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

func TestSinkIsTakenDownByTheSiteItselfAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	response, _ := w.ask(t, "POST", "/demo/sink/down", "Sec-Fetch-Site: cross-site")
	assert.Equal(t, 403, response.StatusCode)
	assert.Equal(t, 204, deliver(t, w.Config.Handler, secret, "a", "{}", time.Now()))

	response, _ = w.ask(t, "POST", "/demo/sink/down", "Sec-Fetch-Site: same-origin")
	assert.Equal(t, 204, response.StatusCode)
	assert.Equal(t, 503, deliver(t, w.Config.Handler, secret, "b", "{}", time.Now()))
	response, _ = w.ask(t, "POST", "/demo/sink/up")
	assert.Equal(t, 204, response.StatusCode)
	assert.Equal(t, 204, deliver(t, w.Config.Handler, secret, "b", "{}", time.Now()))

	next, _ := listen(t, w.URL+"/demo/events", "")
	assert.Equal(t, `sink {"down":false}`, next())
	assert.Contains(t, next(), `"verified":true`)
}

// The page asks for the rows; with the wire cut there are none, and it is told so
// at once.
func TestDatabaseIsCutOffAndMended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := func() int {
		response, body := w.ask(t, "GET", "/demo/rows")
		assert.NotContains(t, body, "sql")
		return response.StatusCode
	}
	assert.Equal(t, 200, rows())
	response, _ := w.ask(t, "POST", "/demo/database/down", "Sec-Fetch-Site: cross-site")
	assert.Equal(t, 403, response.StatusCode)
	response, _ = w.ask(t, "POST", "/demo/database/down")
	assert.Equal(t, 204, response.StatusCode)
	assert.Equal(t, 503, rows())
	response, _ = w.ask(t, "POST", "/demo/forget?viewer=1")
	assert.Equal(t, 503, response.StatusCode)
	response, _ = w.ask(t, "POST", "/demo/database/up")
	assert.Equal(t, 204, response.StatusCode)
	assert.Equal(t, 200, rows())
}

func TestWithoutAWireThereIsNoSwitch(t *testing.T) {
	t.Parallel()
	handler := Handler(Config{Site: &Site{Viewers: []Viewer{{ID: 1, Login: "anna", pass: "$wp$2y$10$abcdefgh"}}}, Sink: newSink(t, 0)})
	page := httptest.NewRecorder()
	handler.ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	assert.NotContains(t, page.Body.String(), `id="database"`)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "POST", "/demo/database/down", nil))
	assert.Equal(t, 404, answer.Code)
}

func TestTheRestIsNotTheDemos(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/wp-json/autowebinar/v1/session", "/demo/", "/demo/index.html", "/demo/webinar.mp4.txt", "/demo/no.js", "/favicon.ico"} {
		response, _ := w.ask(t, "GET", path)
		assert.Equal(t, 404, response.StatusCode, path)
	}
	response, _ := w.ask(t, "GET", "/demo/sink/down")
	assert.Equal(t, 405, response.StatusCode)
}

func TestBanner(t *testing.T) {
	t.Parallel()
	site := &Site{
		Salts: map[string]string{"LOGGED_IN_KEY": "a", "LOGGED_IN_SALT": "b", "NONCE_KEY": "c", "NONCE_SALT": "d"}, CookieName: "wordpress_logged_in_0",
		Viewers: []Viewer{{ID: 1, Login: "anna", pass: "$wp$2y$10$abcdefgh", token: "token", expires: time.Unix(2e9, 0)}},
	}
	cfg := BannerConfig{URL: "http://127.0.0.1:8080", Status: "http://127.0.0.1:9090/", Database: &Database{Name: "a private, throw-away MariaDB"}, Site: site, Now: time.Unix(19e8, 0)}
	withCookie := Banner(cfg)
	cfg.Token, cfg.BasePath = "header.payload.signature", "/blog/wp-json/autowebinar/v1"
	got := withCookie + "\n---\n\n" + Banner(cfg)

	const golden = "testdata/banner.txt"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}
