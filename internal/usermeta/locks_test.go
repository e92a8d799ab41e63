package usermeta_test

import (
	"context"
	"errors"
	"fmt"
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

	"autowebinar/internal/storetest"
	"autowebinar/internal/usermeta"
)

// WordPress writes one of the viewer's rows and keeps its transaction open, for
// less and for more than the lock wait time-out.
func TestLockedRowDelaysTheChange(t *testing.T) {
	t.Parallel()
	for _, hold := range []float64{1, 2.5} {
		t.Run(fmt.Sprint(hold), func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.Change(t, 1, storetest.Enter("a", "s1"))
			f.Change(t, 1, storetest.Progress("a", 10))
			tx := f.writer(t, "UPDATE wp_usermeta SET meta_value = '300' WHERE user_id = 1 AND meta_key = 'autowebinar_last_position_sec'")
			done := make(chan error, 1)
			go func() {
				_, err := tx.Exec("DO SLEEP(?)", hold)
				if err == nil {
					err = tx.Commit()
				}
				done <- err
			}()
			result := f.Change(t, 1, storetest.Progress("a", 20))
			require.NoError(t, <-done)
			assert.Equal(t, int64(300), result.Session.LastPosition, "the other writer's value is read")
			assert.Equal(t, "300", f.Rows(t, 1)["furthest_sec"])
		})
	}
}

// writer begins a transaction with a statement, as WordPress would.
func (f fixture) writer(t testing.TB, statement string) *sqlx.Tx {
	t.Helper()
	tx, err := f.DB.SQL.Beginx()
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	_, err = tx.Exec(statement)
	require.NoError(t, err)
	return tx
}

func TestDeadlockIsRetried(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 1, storetest.Progress("a", 10))
	ids := f.rowIDs(t, 1)
	rows := slices.Sorted(maps.Values(ids))
	const touch = "UPDATE wp_usermeta SET meta_value = CONCAT(meta_value, ' ') WHERE umeta_id = %d"
	tx := f.writer(t, fmt.Sprintf(touch, rows[len(rows)-1]))
	store, retries := f.countingRetries(t)
	done := make(chan error, 1)
	go func() {
		_, err := store.Change(context.WithoutCancel(t.Context()), 1, storetest.Progress("a", 20))
		done <- err
	}()
	f.awaitLockWait(t)
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
	assert.True(t, deadlock != nil || retries.Load() > 0, "it was a deadlock")
	assert.Equal(t, "20", f.Rows(t, 1)["last_position_sec"])
	assert.Equal(t, ids, f.rowIDs(t, 1))
}

func TestChangeKilledDuringALockWaitIsRetried(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 1, storetest.Progress("a", 10))
	tx := f.writer(t, "UPDATE wp_usermeta SET meta_value = '300' WHERE user_id = 1 AND meta_key = 'autowebinar_last_position_sec'")
	done := make(chan error, 1)
	go func() {
		_, err := f.Store.Change(context.WithoutCancel(t.Context()), 1, storetest.Progress("a", 20))
		done <- err
	}()
	f.awaitLockWait(t)
	f.kill(t)
	require.NoError(t, tx.Commit())
	require.NoError(t, <-done)
	assert.Equal(t, "300", f.Rows(t, 1)["furthest_sec"])
}

// countingRetries is a store, and the number of transactions that it retried.
func (f fixture) countingRetries(t testing.TB) (*usermeta.Store, *atomic.Int64) {
	t.Helper()
	retries := new(retryCounter)
	store := usermeta.New(storetest.Open(t, storetest.Config(t, f.DB.DSN)), usermeta.Options{Observer: retries})
	store.SetReady()
	return store, &retries.n
}

type retryCounter struct{ n atomic.Int64 }

func (c *retryCounter) Committed(int, time.Duration) {}
func (c *retryCounter) Retried(string)               { c.n.Add(1) }
func (c *retryCounter) Rejected(string)              {}

// awaitLockWait returns when a connection of the service waits for a lock.
// information_schema.INNODB_TRX is a cache and not refreshed while several tests
// read it.
func (f fixture) awaitLockWait(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool {
		var status struct {
			Text string `db:"Status"`
		}
		require.NoError(t, f.DB.SQL.Unsafe().Get(&status, "SHOW ENGINE INNODB STATUS"))
		return slices.ContainsFunc(strings.Split(status.Text, "---TRANSACTION"), func(transaction string) bool {
			return strings.Contains(transaction, "LOCK WAIT") && strings.Contains(transaction, " "+f.DB.Name+" ")
		})
	}, patience, 20*time.Millisecond)
}
