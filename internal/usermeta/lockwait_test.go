package usermeta_test

import (
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/storetest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// setupQueue returns a fixture with n viewers of one queue, who have a session.
func setupQueue(t *testing.T, n int) (f fixture, ids []webinar.UserID) {
	t.Helper()
	f = setupViewers(t)
	for i := range n {
		id := webinar.UserID(1000 + 2*i)
		f.DB.AddUser(t, uint64(id), fmt.Sprintf("viewer%d", id), "")
		f.Change(t, id, storetest.Enter("a", "s"))
		ids = append(ids, id)
	}
	return f, ids
}

// lock locks all rows of viewers, as a transaction of WordPress may, until release
// is called.
func (f fixture) lock(t *testing.T, ids ...webinar.UserID) (release func()) {
	t.Helper()
	tx, err := f.DB.SQL.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	require.NoError(t, err)
	for _, id := range ids {
		_, err := tx.Exec("SELECT umeta_id FROM wp_usermeta FORCE INDEX (user_id) WHERE user_id = ? FOR UPDATE", id)
		require.NoError(t, err)
	}
	return func() { require.NoError(t, tx.Rollback()) }
}

// A transaction of WordPress locks rows of more viewers than there are slots for
// lock waiters. The other viewers are committed meanwhile.
func TestManyLockedViewersDelayNoOther(t *testing.T) {
	t.Parallel()
	f, ids := setupQueue(t, 60)
	release := f.lock(t, ids[:20]...)
	var returned atomic.Int32
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			_, err := f.Store.Change(t.Context(), id, storetest.Progress("a", 5))
			assert.NoError(t, err)
			returned.Add(1)
		})
	}
	require.Eventually(t, func() bool { return returned.Load() == 40 }, patience, time.Millisecond)
	release()
	wg.Wait()
	for _, id := range ids {
		assert.Equal(t, "5", f.Rows(t, uint64(id))["last_position_sec"])
	}
}

// At WordPress's isolation level a lock on one user's rows includes the gap before
// them: only a viewer who inserts into the gap waits.
func TestGapLockDelaysOnlyInsertsIntoIt(t *testing.T) {
	t.Parallel()
	f, ids := setupQueue(t, 40)
	f.DB.AddUser(t, 1041, "plain", "")
	f.DB.SetMeta(t, 1041, "nickname", "x")
	tx, err := f.DB.SQL.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	require.NoError(t, err)
	_, err = tx.Exec("UPDATE wp_usermeta FORCE INDEX (user_id) SET meta_value = 'y' WHERE user_id = 1041 AND meta_key = 'nickname'")
	require.NoError(t, err)

	var returned atomic.Int32
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			_, err := f.Store.Change(t.Context(), id, storetest.Enter("b", "s2"))
			assert.NoError(t, err)
			returned.Add(1)
		})
	}
	// Only the neighbors of 1041 cannot insert.
	require.Eventually(t, func() bool { return returned.Load() >= 36 }, patience, time.Millisecond)
	requireQuick(t, func() { f.Change(t, 100, storetest.Progress("a", 7)) })
	require.NoError(t, tx.Rollback())
	wg.Wait()
	for _, id := range ids {
		assert.Equal(t, "s2", f.Rows(t, uint64(id))["session_id"])
	}
}

// The queue does not wait for a lock even if there is only one viewer in it.
func TestLockedViewerDoesNotBlockQueue(t *testing.T) {
	t.Parallel()
	f := setupViewers(t)
	release := f.lock(t, 6)
	done := make(chan error, 1)
	go func() {
		_, err := f.Store.Change(t.Context(), 6, storetest.Progress("a", 6))
		done <- err
	}()
	require.Eventually(t, func() bool { return f.Store.CommittingAlone(6) }, patience, time.Millisecond)
	requireQuick(t, func() { f.Change(t, 8, storetest.Progress("a", 8)) })
	release()
	require.NoError(t, <-done)
}

// A viewer who already waits for a lock is not tried in the queue.
func TestLockWaiterBypassesTheQueue(t *testing.T) {
	t.Parallel()
	f := setupViewers(t)
	cfg, proxy := storetest.NewProxy(t, f.DB.DSN)
	store := usermeta.New(storetest.Open(t, cfg), usermeta.Options{})
	store.SetReady()
	release := f.lock(t, 6)
	done := make(chan error, 2)
	report := func(position int64) {
		_, err := store.Change(t.Context(), 6, storetest.Progress("a", position))
		done <- err
	}
	go report(5)
	require.Eventually(t, func() bool { return store.CommittingAlone(6) }, patience, time.Millisecond)
	proxy.Statements()
	go report(6)
	require.Eventually(t, func() bool { return store.WaitingForLock(6) == 1 }, patience, time.Millisecond)
	release()
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	for _, statement := range proxy.Statements() {
		assert.NotContains(t, statement, "NOWAIT")
		assert.NotContains(t, statement, "SKIP LOCKED")
	}
	assert.Equal(t, "6", f.Rows(t, 6)["last_position_sec"])
}

// newChange returns a change of a batch.
func newChange(user webinar.UserID, f webinar.Command) usermeta.Change {
	return usermeta.Change{User: user, Command: f}
}

// A lock waiter that gets no slot is rejected at its deadline.
func TestLockWaiterTimesOut(t *testing.T) {
	t.Parallel()
	f := setupViewers(t)
	release := f.Store.OccupySlots()
	defer release()
	err := f.Store.ChangeWaitingForLock(newChange(6, storetest.Progress("a", 6)), 100*time.Millisecond)
	require.ErrorIs(t, err, wpdb.ErrUnavailable)
	assert.ErrorContains(t, err, "queued for too long")
	require.Eventually(t, func() bool { return f.Store.Load().LockWaiters == 0 }, patience, time.Millisecond)
}

func TestLockWaitersAreBounded(t *testing.T) {
	t.Parallel()
	f := setupViewers(t)
	f.Store.SetLockWaiters(1, 2)
	release := f.Store.OccupySlots()
	done := make(chan error, 2)
	for i := range int64(2) {
		go func() { done <- f.Store.ChangeWaitingForLock(newChange(6, storetest.Progress("a", i)), time.Minute) }()
	}
	require.Eventually(t, func() bool { return f.Store.WaitingForLock(6) == 2 }, patience, time.Millisecond)
	load := f.Store.Load()
	assert.Equal(t, 2, load.Queued, "they are counted")
	err := f.Store.ChangeWaitingForLock(newChange(8, storetest.Progress("a", 8)), time.Minute)
	require.ErrorIs(t, err, wpdb.ErrUnavailable)
	assert.ErrorContains(t, err, "too many")
	release()
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	require.NoError(t, f.Store.ChangeWaitingForLock(newChange(8, storetest.Progress("a", 8)), time.Minute), "there is capacity again")
}

// A slot is released after each attempt, so that a viewer whose rows stay locked
// for long does not keep it.
func TestLockWaitersShareSlots(t *testing.T) {
	t.Parallel()
	f := setupViewers(t)
	f.Store.SetLockWaiters(1, 100)
	release := f.lock(t, 6)
	var order []string
	var mu sync.Mutex
	var wg sync.WaitGroup
	wait := func(user webinar.UserID, name string) {
		wg.Go(func() {
			assert.NoError(t, f.Store.ChangeWaitingForLock(newChange(user, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
				return storetest.Progress("a", 5)(v, now)
			}), time.Minute))
		})
	}
	wait(6, "first")
	require.Eventually(t, func() bool { return f.Store.CommittingAlone(6) }, patience, time.Millisecond)
	wait(8, "other")
	require.Eventually(t, func() bool { return f.Store.WaitingForLock(8) == 1 }, patience, time.Millisecond)
	wait(6, "second")
	require.Eventually(t, func() bool { return f.Store.WaitingForLock(6) == 1 }, patience, time.Millisecond)
	release()
	wg.Wait()
	assert.Equal(t, []string{"first", "other", "second"}, order)
}

// The other transaction inserts a row, which the lock waiter has to lock too: its
// change still comes before later changes of the viewer.
func TestLockWaiterKeepsItsOrder(t *testing.T) {
	t.Parallel()
	f := setupViewers(t)
	tx, err := f.DB.SQL.BeginTxx(t.Context(), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	require.NoError(t, err)
	_, err = tx.Exec("SELECT umeta_id FROM wp_usermeta FORCE INDEX (user_id) WHERE user_id = 6 FOR UPDATE")
	require.NoError(t, err)
	done := make(chan error, 2)
	report := func(position int64) {
		_, err := f.Store.Change(t.Context(), 6, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			return storetest.Rules.Progress(v, webinar.SessionRef{Webinar: "a"}, webinar.Report{Position: position, Seeked: true}, now)
		})
		done <- err
	}
	go report(2)
	require.Eventually(t, func() bool { return f.Store.CommittingAlone(6) }, patience, time.Millisecond)
	f.awaitLockWait(t)
	go report(1)
	require.Eventually(t, func() bool { return f.Store.WaitingForLock(6) == 1 }, patience, time.Millisecond)
	_, err = tx.Exec("INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (6, 'autowebinar_registered@zzz', '2026-01-02 03:04:05')")
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	assert.Equal(t, "1", f.Rows(t, 6)["last_position_sec"])
}
