package usermeta_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// throughTap is a store on one connection that goes through a tap.
func (b bench) throughTap(t testing.TB) (*usermeta.Store, *tap) {
	t.Helper()
	cfg, tap := tapped(t, b.db.DSN)
	cfg.MaxConnections = 1
	pool, err := usermeta.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	store := usermeta.New(pool, cfg, slog.New(slog.DiscardHandler), nil)
	require.NoError(t, store.Verify(t.Context()))
	tap.statements()
	return store, tap
}

func (b bench) outboxThroughTap(t testing.TB) (*usermeta.Outbox, *tap) {
	t.Helper()
	cfg, tap := tapped(t, b.db.DSN)
	pool, err := usermeta.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	return usermeta.NewOutbox(pool, cfg, "crm_lead", slog.New(slog.DiscardHandler)), tap
}

func TestASteadyReportTakesFourRoundTrips(t *testing.T) {
	t.Parallel()
	b := setup(t)
	store, tap := b.throughTap(t)
	for _, step := range []struct {
		name string
		rule func(webinar.Viewer, time.Time) (webinar.Result, error)
		most int
	}{
		{"first entry", enter("a", "s1"), 11}, // refused without the named lock, then with it
		{"first report", progress("a", 10), 4},
		{"steady report", progress("a", 20), 4},
		{"report with events", progress("a", 1000), 4},
		{"entry into another", enter("b", "s2"), 4},
		{"report of a set-aside session", progress("a", 30), 4},
	} {
		_, err := change(t.Context(), store, 1, step.rule)
		require.NoError(t, err)
		seen := tap.statements()
		assert.LessOrEqual(t, len(seen), step.most, "%s: %s", step.name, strings.Join(seen, "\n"))
	}
	_, _, err := store.Read(t.Context(), 1)
	require.NoError(t, err)
	assert.Len(t, tap.statements(), 1, "reading")
}

// Wherever the connection breaks, the change is made once and acknowledged.
func TestAConnectionThatBreaksMidwayCostsNothing(t *testing.T) {
	t.Parallel()
	for _, breaks := range []fate{unsent, unheard} {
		for _, word := range []string{"START TRANSACTION", "SELECT m.umeta_id", "SELECT GET_LOCK", "INSERT INTO", "COMMIT", "DO RELEASE_LOCK"} {
			t.Run(fmt.Sprintf("%s %d", word, breaks), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				store, tap := b.throughTap(t)
				var hits atomic.Int64
				tap.at(func(statement string) fate {
					if strings.HasPrefix(statement, word) && hits.Add(1) == 1 {
						return breaks
					}
					return passes
				})
				for i, rule := range []func(webinar.Viewer, time.Time) (webinar.Result, error){enter("a", "s1"), progress("a", 400), exit("a")} {
					if word != "SELECT GET_LOCK" && word != "DO RELEASE_LOCK" {
						hits.Store(0) // once in each change
					}
					_, err := change(t.Context(), store, 1, rule)
					require.NoError(t, err, i)
					assert.NotZero(t, hits.Load())
				}
				rows := b.plain(t, 1)
				assert.Equal(t, "client_webinar_entered client_webinar_left", rows["outbox"], "each event once")
				assert.Equal(t, "400", rows["last_position_sec"])
				for key, value := range rows {
					if key != "outbox" {
						assert.NotContains(t, value, " ", "one row of %s", key)
					}
				}
			})
		}
	}
}

// kill ends all connections of the service from the server's side.
func (b bench) kill(t testing.TB) {
	t.Helper()
	for _, id := range b.connections(t) {
		_, _ = b.db.SQL.ExecContext(t.Context(), fmt.Sprintf("KILL %d", id)) // gone by itself is as well
	}
}

func (b bench) connections(t testing.TB) (ids []uint64) {
	t.Helper()
	var processes []struct {
		ID   uint64 `db:"Id"`
		User string `db:"User"`
	}
	require.NoError(t, b.db.SQL.Unsafe().Select(&processes, "SHOW PROCESSLIST"))
	for _, process := range processes {
		if process.User == b.db.Name {
			ids = append(ids, process.ID)
		}
	}
	return ids
}

func TestAChangeIsRepeatedWhenItsConnectionIsKilled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(t, 1, enter("a", "s1"))
	for position := int64(10); position <= 200; position += 10 {
		attempts := 0
		err := b.store.Change(t.Context(), 1, func(v webinar.Viewer, now time.Time) (webinar.Viewer, []webinar.Event, error) {
			if attempts++; attempts == 1 {
				b.kill(t)
			}
			result, err := progress("a", position)(v, now)
			return result.Viewer, result.Events, err
		})
		require.NoError(t, err)
		assert.Equal(t, 2, attempts)
	}
	assert.Equal(t, "200", b.plain(t, 1)["last_position_sec"])
}

// What a connection may wait for, and how long its locks outlive a replica that
// vanishes: nothing but the session's own settings bounds these.
func TestEveryConnectionIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pool, err := usermeta.Open(config(t, b.db.DSN))
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	for name, want := range map[string]string{
		"innodb_lock_wait_timeout": "1", "lock_wait_timeout": "2", "wait_timeout": "15", "time_zone": "+00:00",
	} {
		var got string
		require.NoError(t, pool.QueryRowContext(t.Context(), "SHOW SESSION VARIABLES LIKE '"+name+"'").Scan(&name, &got))
		assert.Equal(t, want, got, name)
	}
}
