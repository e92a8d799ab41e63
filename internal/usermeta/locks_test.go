package usermeta_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/usermeta"
)

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
	rows := slices.Sorted(maps.Values(ids))
	const touch = "UPDATE wp_usermeta SET meta_value = CONCAT(meta_value, ' ') WHERE umeta_id = %d"
	tx := b.writer(t, fmt.Sprintf(touch, rows[len(rows)-1]))
	store, repeats := b.observed(t)
	done := make(chan error, 1)
	go func() {
		_, err := change(context.WithoutCancel(t.Context()), store, 1, progress("a", 20))
		done <- err
	}()
	b.awaitLockWait(t)
	_, err := tx.Exec(fmt.Sprintf(touch, rows[0]))
	var deadlock *mysql.MySQLError
	if errors.As(err, &deadlock) { // the writer was the victim
		assert.Equal(t, uint16(1213), deadlock.Number)
		require.NoError(t, tx.Rollback())
	} else {
		require.NoError(t, err)
		require.NoError(t, tx.Commit())
	}
	require.NoError(t, <-done)
	assert.True(t, deadlock != nil || repeats.Load() > 0, "it was a deadlock")
	assert.Equal(t, "20", b.plain(t, 1)["last_position_sec"])
	assert.Equal(t, ids, b.rowIDs(t, 1))
}

func TestAChangeKilledWhileItWaitsForALockIsRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(t, 1, enter("a", "s1"))
	b.change(t, 1, progress("a", 10))
	tx := b.writer(t, "UPDATE wp_usermeta SET meta_value = '300' WHERE user_id = 1 AND meta_key = 'autowebinar_last_position_sec'")
	done := make(chan error, 1)
	go func() {
		_, err := change(context.WithoutCancel(t.Context()), b.store, 1, progress("a", 20))
		done <- err
	}()
	b.awaitLockWait(t)
	b.kill(t)
	require.NoError(t, tx.Commit())
	require.NoError(t, <-done)
	assert.Equal(t, "300", b.plain(t, 1)["furthest_sec"])
}

// observed is a store that counts how often it repeats a change.
func (b bench) observed(t testing.TB) (*usermeta.Store, *atomic.Int64) {
	t.Helper()
	cfg := config(t, b.db.DSN)
	pool, err := usermeta.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	repeats := new(atomic.Int64)
	store := usermeta.New(pool, cfg, slog.New(counter{slog.DiscardHandler, repeats}), nil)
	require.NoError(t, store.Verify(t.Context()))
	return store, repeats
}

// counter counts the records of "commit repeated".
type counter struct {
	slog.Handler
	n *atomic.Int64
}

func (c counter) Enabled(context.Context, slog.Level) bool { return true }

func (c counter) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "commit repeated" {
		c.n.Add(1)
	}
	return nil
}

// awaitLockWait returns when a connection of the service waits for a lock.
// information_schema.INNODB_TRX would not do: it is a cache, never fresh while
// several tests read it.
func (b bench) awaitLockWait(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool {
		var status struct {
			Text string `db:"Status"`
		}
		require.NoError(t, b.db.SQL.Unsafe().Get(&status, "SHOW ENGINE INNODB STATUS"))
		return slices.ContainsFunc(strings.Split(status.Text, "---TRANSACTION"), func(transaction string) bool {
			return strings.Contains(transaction, "LOCK WAIT") && strings.Contains(transaction, " "+b.db.Name+" ")
		})
	}, 5*time.Second, 20*time.Millisecond)
}
