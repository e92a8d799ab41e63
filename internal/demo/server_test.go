package demo

import (
	"io"
	"log/slog"
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

var noLog = slog.New(slog.DiscardHandler)

// testDemo is the demo without the service.
type testDemo struct {
	*httptest.Server
	site     *Site
	receiver *Receiver
	db       *mariadbtest.DB
}

func newTestDemo(t *testing.T) testDemo {
	t.Helper()
	db := mariadbtest.New(t)
	site, err := Seed(t.Context(), db.SQL.DB, time.Now())
	require.NoError(t, err)
	receiver := newReceiver(t, 0)
	proxy, dsn, err := NewDatabaseProxy(db.AdminDSN)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, proxy.Close()) })
	pool, err := openPool(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	server := httptest.NewServer(Handler(Config{
		Site: site, DB: pool, Receiver: receiver, Proxy: proxy, Database: "a MariaDB", Logger: noLog,
	}))
	t.Cleanup(server.Close)
	return testDemo{Server: server, site: site, receiver: receiver, db: db}
}

// request returns the response and its body. Header lines are "Name: value".
func (w testDemo) request(t *testing.T, method, path string, header ...string) (*http.Response, string) {
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

func TestReceiverSwitchRejectsOtherOrigins(t *testing.T) {
	t.Parallel()
	w := newTestDemo(t)
	response, _ := w.request(t, "POST", "/demo/receiver/down", "Sec-Fetch-Site: cross-site")
	assert.Equal(t, 403, response.StatusCode)
	assert.Equal(t, 204, deliver(t, w.Config.Handler, secret, "a", "{}", time.Now()))

	response, _ = w.request(t, "POST", "/demo/receiver/down", "Sec-Fetch-Site: same-origin")
	assert.Equal(t, 204, response.StatusCode)
	assert.Equal(t, 503, deliver(t, w.Config.Handler, secret, "b", "{}", time.Now()))
	response, _ = w.request(t, "POST", "/demo/receiver/up")
	assert.Equal(t, 204, response.StatusCode)
	assert.Equal(t, 204, deliver(t, w.Config.Handler, secret, "b", "{}", time.Now()))

	next, _ := openStream(t, w.URL+"/demo/events", "")
	assert.Equal(t, `receiver {"down":false}`, next())
	assert.Contains(t, next(), `"verified":true`)
}

// During an outage of the database the page gets an error at once.
func TestDatabaseSwitch(t *testing.T) {
	t.Parallel()
	w := newTestDemo(t)
	rows := func() int {
		response, body := w.request(t, "GET", "/demo/rows")
		assert.NotContains(t, body, "sql")
		return response.StatusCode
	}
	assert.Equal(t, 200, rows())
	response, _ := w.request(t, "POST", "/demo/database/down", "Sec-Fetch-Site: cross-site")
	assert.Equal(t, 403, response.StatusCode)
	response, _ = w.request(t, "POST", "/demo/database/down")
	assert.Equal(t, 204, response.StatusCode)
	assert.Equal(t, 503, rows())
	response, _ = w.request(t, "POST", "/demo/forget?viewer=1")
	assert.Equal(t, 503, response.StatusCode)
	response, _ = w.request(t, "POST", "/demo/database/up")
	assert.Equal(t, 204, response.StatusCode)
	assert.Equal(t, 200, rows())
}

func TestPageWithoutAProxyHasNoDatabaseSwitch(t *testing.T) {
	t.Parallel()
	handler := Handler(Config{Site: &Site{Viewers: []Viewer{{ID: 1, Login: "anna", passwordHash: "$wp$2y$10$abcdefgh"}}}, Receiver: newReceiver(t, 0), Logger: noLog})
	page := httptest.NewRecorder()
	handler.ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	assert.NotContains(t, page.Body.String(), `id="database"`)
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), "POST", "/demo/database/down", nil))
	assert.Equal(t, 404, response.Code)
}

func TestOtherPathsAreNotFound(t *testing.T) {
	t.Parallel()
	w := newTestDemo(t)
	for _, path := range []string{"/wp-json/autowebinar/v1/session", "/demo/", "/demo/index.html", "/demo/webinar.mp4.txt", "/demo/no.js", "/favicon.ico"} {
		response, _ := w.request(t, "GET", path)
		assert.Equal(t, 404, response.StatusCode, path)
	}
	response, _ := w.request(t, "GET", "/demo/receiver/down")
	assert.Equal(t, 405, response.StatusCode)
}

func TestBanner(t *testing.T) {
	t.Parallel()
	site := &Site{
		Salts: map[string]string{"LOGGED_IN_KEY": "a", "LOGGED_IN_SALT": "b", "NONCE_KEY": "c", "NONCE_SALT": "d"}, CookieName: "wordpress_logged_in_0",
		Viewers: []Viewer{{ID: 1, Login: "anna", passwordHash: "$wp$2y$10$abcdefgh", token: "token", expires: time.Unix(2e9, 0)}},
	}
	got := Banner(BannerConfig{
		URL: "http://127.0.0.1:8080", Status: "http://127.0.0.1:9090/", Database: "a private, temporary MariaDB",
		Site: site, Now: time.Unix(19e8, 0),
	})

	const golden = "testdata/banner.txt"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}
