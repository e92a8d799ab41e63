package usermeta_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// audience is a bench with n viewers of one lane, who have a session.
func audience(t *testing.T, n int) (b bench, ids []webinar.UserID) {
	t.Helper()
	b = crowd(t)
	for i := range n {
		id := webinar.UserID(1000 + 2*i)
		b.db.AddUser(t, uint64(id), fmt.Sprintf("viewer%d", id), "")
		b.change(t, id, enter("a", "s"))
		ids = append(ids, id)
	}
	return b, ids
}

// hold locks all rows of viewers, as a transaction of WordPress may, until
// release is called.
func (b bench) hold(t *testing.T, ids ...webinar.UserID) (release func()) {
	t.Helper()
	tx, err := b.db.SQL.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	require.NoError(t, err)
	for _, id := range ids {
		_, err := tx.Exec("SELECT umeta_id FROM wp_usermeta FORCE INDEX (user_id) WHERE user_id = ? FOR UPDATE", id)
		require.NoError(t, err)
	}
	return func() { require.NoError(t, tx.Rollback()) }
}

// WordPress's own transactions hold rows of many viewers: more than there are
// places beside the lane. The others are answered meanwhile.
func TestManyHeldViewersHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	b, ids := audience(t, 60)
	release := b.hold(t, ids[:20]...)
	var answered atomic.Int32
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			_, err := change(t.Context(), b.store, id, progress("a", 5))
			assert.NoError(t, err)
			answered.Add(1)
		})
	}
	require.Eventually(t, func() bool { return answered.Load() == 40 }, 3*time.Second, time.Millisecond)
	release()
	wg.Wait()
	for _, id := range ids {
		assert.Equal(t, "5", b.plain(t, uint64(id))["last_position_sec"])
	}
}

// At WordPress's isolation level a lock on one user's rows reaches into the gap
// beside them: whoever has to insert there waits, and nobody with them.
func TestAGapLockHoldsUpOnlyWhoInsertsThere(t *testing.T) {
	t.Parallel()
	b, ids := audience(t, 40)
	b.db.AddUser(t, 1041, "plain", "")
	b.db.SetMeta(t, 1041, "nickname", "x")
	tx, err := b.db.SQL.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	require.NoError(t, err)
	_, err = tx.Exec("UPDATE wp_usermeta FORCE INDEX (user_id) SET meta_value = 'y' WHERE user_id = 1041 AND meta_key = 'nickname'")
	require.NoError(t, err)

	var answered atomic.Int32
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			_, err := change(t.Context(), b.store, id, enter("b", "s2"))
			assert.NoError(t, err)
			answered.Add(1)
		})
	}
	// Only the neighbours of 1041 cannot insert.
	require.Eventually(t, func() bool { return answered.Load() >= 36 }, 15*time.Second, time.Millisecond)
	begun := time.Now()
	b.change(t, 100, progress("a", 7))
	assert.Less(t, time.Since(begun), time.Second, "the lane is free")
	require.NoError(t, tx.Rollback())
	wg.Wait()
	for _, id := range ids {
		assert.Equal(t, "s2", b.plain(t, uint64(id))["session_id"])
	}
}

// A viewer who is alone in the lane is no reason to wait in it.
func TestALoneHeldViewerDoesNotBlockTheLane(t *testing.T) {
	t.Parallel()
	b := crowd(t)
	release := b.hold(t, 6)
	done := make(chan error, 1)
	go func() {
		_, err := change(t.Context(), b.store, 6, progress("a", 6))
		done <- err
	}()
	require.Eventually(t, func() bool { return b.store.Straggles(6) }, 5*time.Second, time.Millisecond)
	begun := time.Now()
	b.change(t, 8, progress("a", 8))
	assert.Less(t, time.Since(begun), 500*time.Millisecond)
	release()
	require.NoError(t, <-done)
}

// Who straggles already is not tried in the lane again.
func TestAStragglersNextChangeDoesNotTouchTheLane(t *testing.T) {
	t.Parallel()
	b := crowd(t)
	cfg, wire := tapped(t, b.db.DSN)
	pool, err := usermeta.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	store := usermeta.New(pool, cfg, slog.New(slog.DiscardHandler), nil)
	require.NoError(t, store.Fit(t.Context()))
	release := b.hold(t, 6)
	done := make(chan error, 2)
	report := func(position int64) {
		_, err := change(t.Context(), store, 6, progress("a", position))
		done <- err
	}
	go report(5)
	require.Eventually(t, func() bool { return store.Straggles(6) }, 5*time.Second, time.Millisecond)
	wire.statements()
	go report(6)
	require.Eventually(t, func() bool { return store.Straggling(6) == 1 }, 5*time.Second, time.Millisecond)
	release()
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	for _, statement := range wire.statements() {
		assert.NotContains(t, statement, "NOWAIT")
		assert.NotContains(t, statement, "SKIP LOCKED")
	}
	assert.Equal(t, "6", b.plain(t, 6)["last_position_sec"])
}
