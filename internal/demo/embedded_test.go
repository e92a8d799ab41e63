//go:build embedded

// Building the engine takes a minute or two when nothing is cached, so this file
// needs a build tag: go test -tags embedded ./internal/demo ./cmd/demo

package demo

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The queries of the page work on the embedded engine, also after an outage.
func TestPageOnTheEmbeddedEngine(t *testing.T) {
	t.Parallel()
	database, err := OpenDatabase(t.Context(), Embedded, func(text string) { t.Log(text) })
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, database.Close()) })
	proxy, dsn, err := NewDatabaseProxy(database.DSN)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, proxy.Close()) })
	db, err := openPool(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	site, err := Seed(t.Context(), db, time.Now())
	require.NoError(t, err)
	handler := Handler(Config{Site: site, DB: db, Receiver: newReceiver(t, 0), Proxy: proxy, Logger: noLog})
	request := func(method, path string) (int, string) {
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		return response.Code, response.Body.String()
	}
	const some, none = `"rows":\[{"umeta_id":\d+,"meta_key":"autowebinar_session_id","meta_value":"s1"}\]`, `"now":"20\d\d-\S+Z","rows":\[\]`

	_, err = db.ExecContext(t.Context(), "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, 'autowebinar_session_id', 's1'), (1, 'autowebinarx', '-')")
	require.NoError(t, err)
	status, rows := request("GET", "/demo/rows?viewer=1")
	assert.Equal(t, 200, status)
	assert.Regexp(t, some, rows)
	proxy.SetDown(true)
	status, _ = request("GET", "/demo/rows?viewer=1")
	assert.Equal(t, 503, status)
	proxy.SetDown(false)
	status, _ = request("POST", "/demo/forget?viewer=1")
	assert.Equal(t, 204, status)
	_, rows = request("GET", "/demo/rows?viewer=1")
	assert.Regexp(t, none, rows)
}
