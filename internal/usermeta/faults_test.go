package usermeta_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
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
	require.NoError(t, store.Fit(t.Context()))
	tap.statements()
	return store, tap
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
		{"first entry", enter("a", "s1"), 10}, // refused without the named lock, then with it
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
		for _, word := range []string{"START TRANSACTION", "SELECT m.umeta_id", "SELECT GET_LOCK", "INSERT INTO", "COMMIT", "SELECT RELEASE_LOCK"} {
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
					if word != "SELECT GET_LOCK" && word != "SELECT RELEASE_LOCK" {
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
		_, _ = b.db.SQL.ExecContext(t.Context(), "KILL "+id) // gone by itself is as well
	}
}

func (b bench) connections(t testing.TB) (ids []string) {
	t.Helper()
	rows, err := b.db.SQL.QueryxContext(t.Context(), "SHOW PROCESSLIST")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		process := map[string]any{}
		require.NoError(t, rows.MapScan(process))
		if fmt.Sprintf("%s", process["User"]) == b.db.Name {
			ids = append(ids, fmt.Sprintf("%s", process["Id"]))
		}
	}
	require.NoError(t, rows.Err())
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

// WordPress writes one of the viewer's rows and keeps its transaction open: for
// less and for more than the service waits for a lock.
func TestAWriterWhoHoldsARowDelaysTheChangeOnly(t *testing.T) {
	t.Parallel()
	for _, hold := range []float64{1, 2.5} {
		t.Run(fmt.Sprint(hold), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.change(t, 1, enter("a", "s1"))
			b.change(t, 1, progress("a", 10))
			tx := b.writer(t, "UPDATE wp_usermeta SET meta_value = '300' WHERE user_id = 1 AND meta_key = 'autowebinar_last_position_sec'")
			done := make(chan error, 1)
			go func() {
				_, err := tx.Exec("DO SLEEP(?)", hold)
				if err == nil {
					err = tx.Commit()
				}
				done <- err
			}()
			result := b.change(t, 1, progress("a", 20))
			require.NoError(t, <-done)
			assert.Equal(t, int64(300), result.Session.LastPosition, "what the other wrote is seen")
			assert.Equal(t, "300", b.plain(t, 1)["furthest_sec"])
		})
	}
}

// writer is a transaction as WordPress would run it, begun by a statement.
func (b bench) writer(t testing.TB, statement string) *sqlx.Tx {
	t.Helper()
	tx, err := b.db.SQL.Beginx()
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	_, err = tx.Exec(statement)
	require.NoError(t, err)
	return tx
}

func TestADeadlockWithAnotherWriterIsRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(t, 1, enter("a", "s1"))
	b.change(t, 1, progress("a", 10))
	ids := b.rowIDs(t, 1)
	rows := []uint64{}
	for _, id := range ids {
		rows = append(rows, id)
	}
	slices.Sort(rows)
	const touch = "UPDATE wp_usermeta SET meta_key = CONCAT(meta_key, '') , meta_value = CONCAT(meta_value, '') WHERE umeta_id = %d"
	tx := b.writer(t, fmt.Sprintf(touch, rows[len(rows)-1]))
	done := make(chan error, 1)
	go func() {
		_, err := change(context.Background(), b.store, 1, progress("a", 20))
		done <- err
	}()
	require.Eventually(t, func() bool { return b.waits(t) }, 5*time.Second, 5*time.Millisecond, "the change waits for the last row")
	if _, err := tx.Exec(fmt.Sprintf(touch, rows[0])); err == nil { // else the writer was the victim
		require.NoError(t, tx.Commit())
	}
	require.NoError(t, <-done)
	assert.Equal(t, "20", b.plain(t, 1)["last_position_sec"])
	assert.Equal(t, ids, b.rowIDs(t, 1))
}

// waits tells whether a connection of the service waits for a lock.
func (b bench) waits(t testing.TB) bool {
	t.Helper()
	var waiting []string
	require.NoError(t, b.db.SQL.Select(&waiting, "SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"))
	return slices.ContainsFunc(b.connections(t), func(id string) bool { return slices.Contains(waiting, id) })
}
