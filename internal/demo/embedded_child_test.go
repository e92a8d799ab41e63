//go:build embedded

// Building the engine takes a minute or two when nothing is cached, so this file
// has a tag of its own: go test -tags embedded ./internal/demo

package demo

import (
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
)

// The service's own storage works on the embedded engine: it finds the database
// fit, a viewer's login is genuine, and no update and no event is lost.
func TestTheServiceRunsOnTheEmbeddedEngine(t *testing.T) {
	t.Parallel()
	database, err := OpenDatabase(t.Context(), Embedded, func(text string) { t.Log(text) })
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, database.Close()) })
	dsn, err := mysql.ParseDSN(database.DSN)
	require.NoError(t, err)
	cfg := usermeta.Config{DSN: dsn, UsersTable: "wp_users", UsermetaTable: "wp_usermeta"}
	pool, err := usermeta.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	site, err := Seed(t.Context(), pool.DB, time.Now())
	require.NoError(t, err)

	store := usermeta.New(pool, cfg, slog.New(slog.DiscardHandler), func() {})
	require.NoError(t, store.Fit(t.Context()))
	salts, err := wordpress.NewSalts(site.Salts)
	require.NoError(t, err)
	logins := wordpress.NewLogins(wordpress.Config{DB: pool, Salts: salts})
	outbox := usermeta.NewOutbox(pool, cfg, "", slog.New(slog.DiscardHandler))

	for _, viewer := range site.Viewers {
		_, err := logins.Verify(t.Context(), []*http.Cookie{site.Cookie(viewer)}, nil)
		require.NoError(t, err)
		watchAtOnce(t, store, viewer.ID, 40)
		seen, _, err := store.Read(t.Context(), viewer.ID)
		require.NoError(t, err)
		assert.EqualValues(t, 40, seen.Current.LastPosition, "no report was lost")
		backlog, err := outbox.Backlog(t.Context(), viewer.ID)
		require.NoError(t, err)
		require.Len(t, backlog.Messages, 1, "one event, not one a tab")
		require.NoError(t, outbox.Accept(t.Context(), backlog.Messages[0]))
	}
	pending, err := outbox.Due(t.Context(), 10)
	require.NoError(t, err)
	assert.Empty(t, pending)
}

// The page's own questions are answered by the embedded engine as by a server,
// also after its wire was cut.
func TestThePageRunsOnTheEmbeddedEngine(t *testing.T) {
	t.Parallel()
	database, err := OpenDatabase(t.Context(), Embedded, func(text string) { t.Log(text) })
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, database.Close()) })
	wire, dsn, err := NewWire(database.DSN)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, wire.Close()) })
	db, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	site, err := Seed(t.Context(), db, time.Now())
	require.NoError(t, err)
	handler := Handler(Config{Site: site, DB: db, Sink: newSink(t, 0), Wire: wire})
	ask := func(method, path string) (int, string) {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		return answer.Code, answer.Body.String()
	}
	const some, none = `"rows":\[{"umeta_id":\d+,"meta_key":"autowebinar_session_id","meta_value":"s1"}\]`, `"now":"20\d\d-\S+Z","rows":\[\]`

	_, err = db.ExecContext(t.Context(), "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, 'autowebinar_session_id', 's1'), (1, 'autowebinarx', '-')")
	require.NoError(t, err)
	status, rows := ask("GET", "/demo/rows?viewer=1")
	assert.Equal(t, 200, status)
	assert.Regexp(t, some, rows)
	wire.SetCut(true)
	status, _ = ask("GET", "/demo/rows?viewer=1")
	assert.Equal(t, 503, status)
	wire.SetCut(false)
	status, _ = ask("POST", "/demo/forget?viewer=1")
	assert.Equal(t, 204, status)
	_, rows = ask("GET", "/demo/rows?viewer=1")
	assert.Regexp(t, none, rows)
}

// watchAtOnce adds one second for each of n tabs, the first of which enters.
func watchAtOnce(t *testing.T, store *usermeta.Store, user webinar.UserID, n int) {
	t.Helper()
	group, ctx := errgroup.WithContext(context.Background())
	for range n {
		group.Go(func() error {
			return store.Change(ctx, user, func(v webinar.Viewer, now time.Time) (webinar.Viewer, []webinar.Event, error) {
				session := webinar.Session{ID: "s1", Webinar: "intro", StartedAt: now}
				var events []webinar.Event
				if v.Current == nil {
					events = []webinar.Event{{
						ID: webinar.EventID(webinar.EventEntered, user, "s1"), Type: webinar.EventEntered,
						User: user, At: now, Webinar: "intro", WebinarType: webinar.Auto, Session: "s1",
					}}
				} else {
					session = *v.Current
				}
				session.LastPosition++
				session.Furthest = max(session.Furthest, session.LastPosition)
				session.LastSeenAt = now
				v.Current = &session
				return v, events, nil
			})
		})
	}
	require.NoError(t, group.Wait())
}
