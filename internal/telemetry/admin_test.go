package telemetry_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
	"autowebinar/internal/telemetry"
	"autowebinar/internal/wordpress"
)

func newAdmin(t *testing.T) func(path string) *httptest.ResponseRecorder {
	t.Helper()
	salts := map[string]string{}
	for _, name := range wordpress.SaltNames() {
		salts[name] = "secret " + name
	}
	m, health := telemetry.NewMetrics("test"), telemetry.NewHealth()
	handler := telemetry.Admin(health, m, telemetry.NewMonitor(telemetry.MonitorConfig{
		Version: "test", Metrics: m, Health: health, Sources: idleSources(),
		Config: config.Config{Listen: ":8080", JWTSecret: []byte("secret"), Salts: salts},
	}))
	return func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w
	}
}

func TestStatusPageLoadsOnlyItsOwnFiles(t *testing.T) {
	t.Parallel()
	get := newAdmin(t)
	index := get("/")
	require.Equal(t, http.StatusOK, index.Code)
	assert.Contains(t, index.Header().Get("Content-Type"), "text/html")
	references := regexp.MustCompile(`(?:src|href)="([^"#]+)"`)
	imports := regexp.MustCompile(`from '\./([^']+)'`)
	visited := map[string]bool{}
	var follow func(path string)
	follow = func(path string) {
		if visited[path] {
			return
		}
		visited[path] = true
		w := get("/" + path)
		require.Equal(t, http.StatusOK, w.Code, path)
		if regexp.MustCompile(`^page/`).MatchString(path) {
			assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'", path)
			assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"), path)
			for _, found := range imports.FindAllStringSubmatch(w.Body.String(), -1) {
				follow("page/" + found[1])
			}
		}
	}
	for _, found := range references.FindAllStringSubmatch(index.Body.String(), -1) {
		assert.NotContains(t, found[1], "//", "the page works without internet and behind a prefix")
		follow(found[1])
	}
	assert.Len(t, visited, 11)
	assert.NotRegexp(t, `style=|<script>|onclick=`, index.Body.String(), "the content security policy blocks it")
}

func TestStatusJSON(t *testing.T) {
	t.Parallel()
	w := newAdmin(t)("/status.json")
	require.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	var status map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &status))
	assert.Equal(t, "ok", status["level"])
	assert.Equal(t, []any{}, status["problems"])
	assert.Equal(t, []any{}, status["recent_errors"])
	assert.Equal(t, []any{}, status["history"])
	assert.Equal(t, "test", status["version"])
	assert.NotEmpty(t, status["host"])
	assert.Equal(t, ":8080", status["settings"].(map[string]any)["listen"])
	assert.NotContains(t, w.Body.String(), "secret ", "secrets are redacted")
	assert.Equal(t, "[redacted]", status["settings"].(map[string]any)["jwt_secret"])
}

func TestAdminServesNoOtherPaths(t *testing.T) {
	t.Parallel()
	get := newAdmin(t)
	for _, path := range []string{"/index.html", "/page/", "/page/../admin.go", "/status", "/metrics/"} {
		assert.NotEqual(t, http.StatusOK, get(path).Code, path)
	}
}
