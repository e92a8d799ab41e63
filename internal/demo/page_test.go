package demo

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPageLogsTheViewerIn(t *testing.T) {
	t.Parallel()
	w := newTestDemo(t)
	for query, want := range map[string]struct {
		viewer  Viewer
		webinar string
	}{
		"/":                         {w.site.Viewers[0], "intro"},
		"/?viewer=2&webinar=pro":    {w.site.Viewers[1], "pro"},
		"/?viewer=3":                {w.site.Viewers[2], "intro"},
		"/?viewer=1&webinar=%22%3E": {w.site.Viewers[0], "intro"},
	} {
		response, page := w.request(t, "GET", query)
		assert.Equal(t, 200, response.StatusCode)
		require.Len(t, response.Cookies(), 1)
		cookie := response.Cookies()[0]
		assert.Equal(t, w.site.Cookie(want.viewer).Value, cookie.Value)
		assert.True(t, cookie.HttpOnly)
		assert.Contains(t, page, `data-webinar="`+want.webinar+`"`)
		assert.Contains(t, page, `data-nonce="`+w.site.Nonce(want.viewer, time.Now())+`"`)
		assert.Contains(t, page, `data-base="/wp-json/autowebinar/v1"`)
		assert.Contains(t, page, want.viewer.Name()+" watches")
		assert.Contains(t, page, "on a MariaDB")
	}
}

// The phone has no cookie and logs in with a token.
func TestPhoneGetsAToken(t *testing.T) {
	t.Parallel()
	w := newTestDemo(t)
	response, page := w.request(t, "GET", "/demo/phone?viewer=2&webinar=pro")
	assert.Equal(t, 200, response.StatusCode)
	assert.Empty(t, response.Cookies())
	assert.Contains(t, page, `data-viewer="2" data-webinar="pro"`)
	assert.Contains(t, response.Header.Get("Content-Security-Policy"), "frame-ancestors 'self'", "the page shows it in a frame")

	response, body := w.request(t, "GET", "/demo/token?viewer=2")
	assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	var token string
	require.NoError(t, json.Unmarshal([]byte(body), &token))
	claims := jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return w.site.JWTSecret, nil })
	require.NoError(t, err)
	assert.Equal(t, "2", claims.Subject)
	assert.WithinDuration(t, time.Now().Add(tokenLifetime), claims.ExpiresAt.Time, time.Minute)
	assert.GreaterOrEqual(t, len(w.site.JWTSecret), 32, "the service rejects a shorter secret")

	for _, address := range []string{"/demo/phone?viewer=4", "/demo/token?viewer=4"} {
		response, _ := w.request(t, "GET", address)
		assert.Equal(t, 400, response.StatusCode, address)
	}
}

// The pages load everything from this server, and their policy enforces it.
func TestPagesAreSelfContained(t *testing.T) {
	t.Parallel()
	w := newTestDemo(t)
	for _, address := range []string{"/", "/demo/phone"} {
		response, page := w.request(t, "GET", address)
		assert.Contains(t, response.Header.Get("Content-Security-Policy"), "default-src 'none'")
		assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
		assert.NotRegexp(t, `(?i)\sstyle=|\son[a-z]+=|<script>`, page)
		assert.NotRegexp(t, externalAddress, page)
	}
	entries, err := fs.ReadDir(pageFiles, "page")
	require.NoError(t, err)
	used := readPage(t, "index.html") + readPage(t, "phone.html")
	for _, entry := range entries {
		if name := entry.Name(); mediaType(name) != "" && !strings.HasSuffix(name, ".mp4") && !strings.HasSuffix(name, ".woff2") {
			used += readPage(t, name)
			assert.NotRegexp(t, externalAddress, readPage(t, name), name)
		}
	}
	served := map[string]string{".js": "text/javascript", ".css": "text/css", ".mp4": "video/mp4", ".woff2": "font/woff2"}
	for _, entry := range entries {
		contentType, ok := served[path.Ext(entry.Name())]
		if !ok {
			continue
		}
		assert.Contains(t, used, "/"+entry.Name(), "no page loads it")
		response, body := w.request(t, "GET", "/demo/"+entry.Name())
		assert.Equal(t, 200, response.StatusCode)
		assert.True(t, strings.HasPrefix(response.Header.Get("Content-Type"), contentType), entry.Name())
		assert.NotEmpty(t, body)
	}
}

// externalAddress matches an address of another server.
const externalAddress = `https?:|["'(]//[a-z]|@import`

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := pageFiles.ReadFile("page/" + name)
	require.NoError(t, err)
	return string(text)
}

func TestVideoSupportsSeeking(t *testing.T) {
	t.Parallel()
	response, body := newTestDemo(t).request(t, "GET", "/demo/webinar.mp4", "Range: bytes=4-7")
	assert.Equal(t, http.StatusPartialContent, response.StatusCode)
	assert.Equal(t, "ftyp", body)

	video := readPage(t, "webinar.mp4")
	assert.Less(t, len(video), 300<<10)
	assert.Less(t, strings.Index(video, "moov"), strings.Index(video, "mdat"), "the index comes first, so that playback starts before the download ends")
	_, header, found := strings.Cut(video, "mvhd")
	require.True(t, found)
	scale, length := binary.BigEndian.Uint32([]byte(header[12:])), binary.BigEndian.Uint32([]byte(header[16:]))
	assert.Contains(t, Webinars+",", fmt.Sprintf("intro=%d,", length/scale), "the duration in the settings is that of the video")
}
