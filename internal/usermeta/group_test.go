package usermeta_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/storetest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// together runs changes so that they share a commit. A change of another viewer
// occupies the queue until all of them wait.
func together(t *testing.T, store *usermeta.Store, changes map[webinar.UserID]webinar.Command) map[webinar.UserID]error {
	t.Helper()
	const holder = 100 // even, as all viewers of these tests
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := store.Change(t.Context(), holder, func(v webinar.Viewer, _ time.Time) (webinar.Result, error) {
			close(started)
			<-release
			return webinar.Result{Viewer: v}, nil
		})
		assert.NoError(t, err)
	})
	<-started
	var mu sync.Mutex
	errs := map[webinar.UserID]error{}
	for user, f := range changes {
		wg.Go(func() {
			_, err := store.Change(t.Context(), user, f)
			mu.Lock()
			defer mu.Unlock()
			errs[user] = err
		})
	}
	require.Eventually(t, func() bool { return store.Queued(holder) == len(changes) }, patience, time.Millisecond)
	close(release)
	wg.Wait()
	return errs
}

// setupViewers returns a fixture with the even viewers 2 to 20 and 100, all with a
// session.
func setupViewers(t *testing.T) fixture {
	t.Helper()
	f := setup(t)
	f.Store.SetWaitTimeout(patience)
	for id := uint64(4); id <= 20; id += 2 {
		f.DB.AddUser(t, id, fmt.Sprintf("viewer%d", id), "")
	}
	f.DB.AddUser(t, 100, "holder", "")
	for id := webinar.UserID(2); id <= 20; id += 2 {
		f.Change(t, id, storetest.Enter("a", "s"))
	}
	f.Change(t, 100, storetest.Enter("a", "s"))
	return f
}

func reports(ids ...webinar.UserID) map[webinar.UserID]webinar.Command {
	changes := map[webinar.UserID]webinar.Command{}
	for _, id := range ids {
		changes[id] = storetest.Progress("a", int64(id))
	}
	return changes
}

func TestQueuedChangesShareACommit(t *testing.T) {
	t.Parallel()
	f := setupViewers(t)
	store, proxy := f.throughProxy(t)
	errs := together(t, store, reports(2, 4, 6, 8, 10))
	for id, err := range errs {
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(id), f.Rows(t, uint64(id))["last_position_sec"])
	}
	commits := 0
	for _, statement := range proxy.Statements() {
		if statement == "COMMIT" {
			commits++
		}
	}
	assert.Equal(t, 1, commits, "one for five changes")
}

func TestFailureOfOneViewerDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	errTest := errors.New("refused")
	tests := map[string]struct {
		damage func(t *testing.T, f fixture)
		change webinar.Command
		want   error
	}{
		"command fails": {nil, func(webinar.Viewer, time.Time) (webinar.Result, error) { return webinar.Result{}, errTest }, errTest},
		"panic":         {nil, func(webinar.Viewer, time.Time) (webinar.Result, error) { panic("bug") }, nil},
		"deleted user": {func(t *testing.T, f fixture) {
			_, err := f.DB.SQL.ExecContext(t.Context(), "DELETE FROM wp_users WHERE ID = 6")
			require.NoError(t, err)
		}, storetest.Progress("a", 6), usermeta.ErrUnknownUser},
		"rows cannot be written": {func(t *testing.T, f fixture) {
			_, err := f.DB.SQL.ExecContext(t.Context(), `CREATE TRIGGER refuse BEFORE INSERT ON wp_usermeta FOR EACH ROW
				BEGIN IF NEW.user_id = 6 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF; END`)
			require.NoError(t, err)
		}, storetest.Progress("a", 6), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setupViewers(t)
			if test.damage != nil {
				test.damage(t, f)
			}
			changes := reports(2, 4, 8, 10, 12)
			changes[6] = test.change
			errs := together(t, f.Store, changes)
			require.Error(t, errs[6])
			if test.want != nil {
				require.ErrorIs(t, errs[6], test.want)
			}
			for _, id := range []webinar.UserID{2, 4, 8, 10, 12} {
				assert.NoError(t, errs[id], "viewer %d", id)
				assert.Equal(t, fmt.Sprint(id), f.Rows(t, uint64(id))["last_position_sec"])
			}
			assert.NotContains(t, f.Rows(t, 6), "last_position_sec")
		})
	}
}

func TestLockedViewerDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	f := setupViewers(t)
	release := f.lock(t, 6)

	done := make(chan error, 1)
	var errs map[webinar.UserID]error
	go func() {
		errs = together(t, f.Store, reports(2, 4, 6, 8))
		done <- nil
	}()
	// The others are committed while viewer 6 is still locked.
	require.Eventually(t, func() bool {
		return f.Rows(t, 2)["last_position_sec"] == "2" && f.Rows(t, 8)["last_position_sec"] == "8"
	}, patience, 5*time.Millisecond)
	requireQuick(t, func() { f.Change(t, 10, storetest.Progress("a", 10)) })
	select {
	case <-done:
		t.Fatal("viewer 6 is not locked")
	default:
	}
	release()
	<-done
	for id, err := range errs {
		assert.NoError(t, err, "viewer %d", id)
	}
	assert.Equal(t, "6", f.Rows(t, 6)["last_position_sec"])
}

func TestNewViewersShareACommit(t *testing.T) {
	t.Parallel()
	f := setupViewers(t)
	changes := reports(2, 4)
	for id := uint64(200); id < 240; id += 2 {
		f.DB.AddUser(t, id, fmt.Sprintf("viewer%d", id), "")
		changes[webinar.UserID(id)] = storetest.Enter("a", webinar.SessionID(fmt.Sprint("s", id)))
	}
	changes[998] = storetest.Enter("a", "s998")
	errs := together(t, f.Store, changes)
	require.ErrorIs(t, errs[998], usermeta.ErrUnknownUser)
	delete(errs, 998)
	for id, err := range errs {
		require.NoError(t, err, "viewer %d", id)
	}
	for id := uint64(200); id < 240; id += 2 {
		assert.Equal(t, fmt.Sprint("s", id), f.Rows(t, id)["session_id"])
		assert.Equal(t, "client_webinar_entered", f.Rows(t, id)["outbox"])
	}
	assert.Empty(t, f.DB.Meta(t, 998))
}

func TestChangesOfOneViewerInOneCommitApplyInOrder(t *testing.T) {
	t.Parallel()
	f := setupViewers(t)
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = f.Store.Change(t.Context(), 100, func(v webinar.Viewer, _ time.Time) (webinar.Result, error) {
			close(started)
			<-release
			return webinar.Result{Viewer: v}, nil
		})
	})
	<-started
	seen := make(chan int64, 20)
	for i := range int64(20) {
		wg.Go(func() {
			result, err := f.Store.Change(context.Background(), 2, storetest.Progress("a", i+1))
			assert.NoError(t, err)
			seen <- result.Session.LastPosition
		})
	}
	require.Eventually(t, func() bool { return f.Store.Queued(100) == 20 }, patience, time.Millisecond)
	close(release)
	wg.Wait()
	close(seen)
	for position := range seen {
		assert.Positive(t, position)
	}
	assert.Equal(t, "20", f.Rows(t, 2)["last_position_sec"])
}

// Many requests of one locked viewer take one slot of the lock waiters, not all.
func TestLockedViewerWithManyRequestsDelaysNoOther(t *testing.T) {
	t.Parallel()
	f := setupViewers(t)
	release := f.lock(t, 6)
	var wg sync.WaitGroup
	for i := range int64(100) {
		wg.Go(func() {
			_, err := f.Store.Change(context.Background(), 6, storetest.Progress("a", i))
			assert.NoError(t, err)
		})
	}
	require.Eventually(t, func() bool { return f.Store.Load().LockWaiters == 1 }, patience, time.Millisecond)
	requireQuick(t, func() {
		for id := webinar.UserID(2); id <= 4; id += 2 {
			f.Change(t, id, storetest.Progress("a", int64(id)))
		}
	})
	release()
	wg.Wait()
	assert.Equal(t, "99", f.Rows(t, 6)["last_position_sec"])
	assert.Zero(t, f.Store.WaitingForLock(6))
}
