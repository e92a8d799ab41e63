package demo

import (
	"encoding/json"
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
	server := httptest.NewServer(Handler(Config{Site: site, DB: db.SQL.DB, Sink: sink}))
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

func TestPageLogsTheViewerIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for query, want := range map[string]struct {
		viewer  Viewer
		webinar string
	}{
		"/":                         {w.site.Viewers[0], "intro"},
		"/?viewer=2&webinar=pro":    {w.site.Viewers[1], "pro"},
		"/?viewer=1&webinar=%22%3E": {w.site.Viewers[0], "intro"},
	} {
		response, page := w.ask(t, "GET", query)
		assert.Equal(t, 200, response.StatusCode)
		require.Len(t, response.Cookies(), 1)
		cookie := response.Cookies()[0]
		assert.Equal(t, w.site.Cookie(want.viewer).Value, cookie.Value)
		assert.True(t, cookie.HttpOnly)
		assert.Contains(t, page, `data-webinar="`+want.webinar+`"`)
		assert.Contains(t, page, `data-nonce="`+w.site.Nonce(want.viewer, time.Now())+`"`)
		assert.Contains(t, page, `data-base="/wp-json/autowebinar/v1"`)
	}
}

// Everything on the page comes from this server, and the policy says so.
func TestPageIsSelfContained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	response, page := w.ask(t, "GET", "/")
	assert.Contains(t, response.Header.Get("Content-Security-Policy"), "default-src 'none'")
	assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	for _, text := range []string{page, readPage(t, "page.js"), readPage(t, "style.css")} {
		assert.NotRegexp(t, `https?:|//[a-z]+\.|@import`, text)
	}
	assert.NotRegexp(t, `(?i)\sstyle=|\son[a-z]+=|<script>`, page)
	for path, contentType := range map[string]string{
		"/demo/page.js": "text/javascript", "/demo/style.css": "text/css", "/demo/webinar.mp4": "video/mp4",
	} {
		assert.Contains(t, page+readPage(t, "page.js"), path[len("/demo/"):])
		response, body := w.ask(t, "GET", path)
		assert.Equal(t, 200, response.StatusCode)
		assert.True(t, strings.HasPrefix(response.Header.Get("Content-Type"), contentType), path)
		assert.NotEmpty(t, body)
	}
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := pageFiles.ReadFile("page/" + name)
	require.NoError(t, err)
	return string(text)
}

func TestVideoCanBeSoughtIn(t *testing.T) {
	t.Parallel()
	response, body := newWorld(t).ask(t, "GET", "/demo/webinar.mp4", "Range: bytes=4-7")
	assert.Equal(t, http.StatusPartialContent, response.StatusCode)
	assert.Equal(t, "ftyp", body)

	video := readPage(t, "webinar.mp4")
	assert.Less(t, len(video), 300<<10)
	assert.Less(t, strings.Index(video, "moov"), strings.Index(video, "mdat"), "the index is in front")
}

func TestRowsAreTheViewersOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, body := w.ask(t, "GET", "/demo/rows?viewer=1")
	assert.JSONEq(t, `{"viewer": 1, "rows": []}`, body)

	w.db.SQL.MustExec(`INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES
		(1, 'autowebinar_session_id', 's1'), (2, 'autowebinar_session_id', 's2'), (1, 'autowebinarx', '-'), (1, 'autowebinar_completed', NULL)`)
	_, body = w.ask(t, "GET", "/demo/rows?viewer=1")
	var got struct{ Rows []metaRow }
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	require.Len(t, got.Rows, 2)
	assert.Equal(t, "autowebinar_session_id=s1", got.Rows[0].Key+"="+got.Rows[0].Value)
	assert.Equal(t, "autowebinar_completed=", got.Rows[1].Key+"="+got.Rows[1].Value)

	for _, viewer := range []string{"3", "0", "-1", "x", "1x"} {
		response, _ := w.ask(t, "GET", "/demo/rows?viewer="+viewer)
		assert.Equal(t, 400, response.StatusCode, viewer)
	}
	require.NoError(t, w.db.SQL.Close())
	response, body := w.ask(t, "GET", "/demo/rows?viewer=1")
	assert.Equal(t, 500, response.StatusCode)
	assert.NotContains(t, body, "sql")
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

func TestTheRestIsNotTheDemos(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/wp-json/autowebinar/v1/session", "/demo/", "/demo/index.html", "/favicon.ico"} {
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
	cfg := BannerConfig{URL: "http://127.0.0.1:8080", Database: &Database{Name: "a private, throw-away MariaDB"}, Site: site, Now: time.Unix(19e8, 0)}
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
