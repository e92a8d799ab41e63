package telemetry_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/telemetry"
)

func get(t *testing.T, h *telemetry.Health, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

func pass(context.Context) error { return nil }

func TestHealthzIgnoresChecks(t *testing.T) {
	t.Parallel()
	h := telemetry.NewHealth()
	h.Register("database", func(context.Context) error { return errors.New("gone") })

	w := get(t, h, "/healthz")

	assert.Equal(t, http.StatusOK, w.Code)
	assert.JSONEq(t, `{"status":"alive"}`, w.Body.String())
	assert.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	fail := func(context.Context) error { return errors.New("connection refused") }
	for name, tt := range map[string]struct {
		checks map[string]telemetry.CheckFunc
		infos  map[string]string
		status int
		body   string
	}{
		"nothing registered": {
			status: http.StatusOK,
			body:   `{"status":"ready","checks":{},"info":{}}`,
		},
		"all checks pass": {
			checks: map[string]telemetry.CheckFunc{"database": pass, "tables": pass},
			status: http.StatusOK,
			body:   `{"status":"ready","checks":{"database":{"state":"ok"},"tables":{"state":"ok"}},"info":{}}`,
		},
		"one of two checks fails": {
			checks: map[string]telemetry.CheckFunc{"database": fail, "tables": pass},
			status: http.StatusServiceUnavailable,
			body: `{"status":"unready","info":{},"checks":{
				"database":{"state":"failed","reason":"connection refused"},"tables":{"state":"ok"}}}`,
		},
		"a check panics": {
			checks: map[string]telemetry.CheckFunc{"database": func(context.Context) error { panic("nil pool") }},
			status: http.StatusServiceUnavailable,
			body:   `{"status":"unready","info":{},"checks":{"database":{"state":"failed","reason":"panic: nil pool"}}}`,
		},
		"info does not affect readiness": {
			checks: map[string]telemetry.CheckFunc{"database": pass},
			infos:  map[string]string{"dispatcher": "receiver down"},
			status: http.StatusOK,
			body:   `{"status":"ready","checks":{"database":{"state":"ok"}},"info":{"dispatcher":"receiver down"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := telemetry.NewHealth()
			for name, check := range tt.checks {
				h.Register(name, check)
			}
			for name, text := range tt.infos {
				h.AddInfo(name, func() string { return text })
			}

			w := get(t, h, "/readyz")

			assert.Equal(t, tt.status, w.Code)
			assert.JSONEq(t, tt.body, w.Body.String())
		})
	}
}

func TestReadyzRepeatsChecksAndRegisterReplaces(t *testing.T) {
	t.Parallel()
	h := telemetry.NewHealth()
	down := true
	h.Register("database", func(context.Context) error {
		if down {
			return errors.New("starting")
		}
		return nil
	})
	require.Equal(t, http.StatusServiceUnavailable, get(t, h, "/readyz").Code)

	down = false
	require.Equal(t, http.StatusOK, get(t, h, "/readyz").Code)

	h.Register("database", func(context.Context) error { return errors.New("draining") })
	var report telemetry.Readiness
	require.NoError(t, json.Unmarshal(get(t, h, "/readyz").Body.Bytes(), &report))
	assert.Equal(t, telemetry.CheckState{State: telemetry.StateFailed, Reason: "draining"}, report.Checks["database"])
}

func TestHandlerRoutes(t *testing.T) {
	t.Parallel()
	handler := telemetry.NewHealth().Handler()
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{http.MethodHead, "/healthz", http.StatusOK},
		{http.MethodHead, "/readyz", http.StatusOK},
		{http.MethodPost, "/readyz", http.StatusMethodNotAllowed},
		{http.MethodGet, "/", http.StatusNotFound},
		{http.MethodGet, "/readyz/", http.StatusNotFound},
		{http.MethodGet, "/debug/pprof/", http.StatusOK},
		{http.MethodGet, "/debug/pprof/goroutine?debug=1", http.StatusOK},
		{http.MethodGet, "/debug/pprof/cmdline", http.StatusOK},
		{http.MethodGet, "/debug/pprof/symbol", http.StatusOK},
		{http.MethodGet, "/debug/pprof/nonsense", http.StatusNotFound},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil))
			assert.Equal(t, tt.status, w.Code)
		})
	}
}
