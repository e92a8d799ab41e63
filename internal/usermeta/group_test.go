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

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// together runs changes so that they share a commit: the lane is held by a
// change of another viewer of it until all of them wait.
func together(t *testing.T, store *usermeta.Store, changes map[webinar.UserID]func(webinar.Viewer, time.Time) (webinar.Result, error)) map[webinar.UserID]error {
	t.Helper()
	const holder = 100 // even, as all viewers of these tests
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := change(t.Context(), store, holder, func(v webinar.Viewer, _ time.Time) (webinar.Result, error) {
			close(held)
			<-release
			return webinar.Result{Viewer: v}, nil
		})
		assert.NoError(t, err)
	})
	<-held
	var mu sync.Mutex
	errs := map[webinar.UserID]error{}
	for user, f := range changes {
		wg.Go(func() {
			_, err := change(t.Context(), store, user, f)
			mu.Lock()
			defer mu.Unlock()
			errs[user] = err
		})
	}
	require.Eventually(t, func() bool { return store.Waiting(holder) == len(changes) }, 5*time.Second, time.Millisecond)
	close(release)
	wg.Wait()
	return errs
}

// crowd is a bench with the even viewers 2 to 20 and 100, all with a session.
func crowd(t *testing.T) bench {
	t.Helper()
	b := setup(t)
	for id := uint64(4); id <= 20; id += 2 {
		b.db.AddUser(t, id, fmt.Sprintf("viewer%d", id), "")
	}
	b.db.AddUser(t, 100, "holder", "")
	for id := webinar.UserID(2); id <= 20; id += 2 {
		b.change(t, id, enter("a", "s"))
	}
	b.change(t, 100, enter("a", "s"))
	return b
}

func reports(ids ...webinar.UserID) map[webinar.UserID]func(webinar.Viewer, time.Time) (webinar.Result, error) {
	changes := map[webinar.UserID]func(webinar.Viewer, time.Time) (webinar.Result, error){}
	for _, id := range ids {
		changes[id] = progress("a", int64(id))
	}
	return changes
}

func TestChangesThatWaitShareACommit(t *testing.T) {
	t.Parallel()
	b := crowd(t)
	store, tap := b.throughTap(t)
	errs := together(t, store, reports(2, 4, 6, 8, 10))
	for id, err := range errs {
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(id), b.plain(t, uint64(id))["last_position_sec"])
	}
	commits := 0
	for _, statement := range tap.statements() {
		if statement == "COMMIT" {
			commits++
		}
	}
	assert.Equal(t, 1, commits, "one for five; the holder changed nothing")
}

func TestOneViewersTroubleIsNotTheOthers(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	tests := map[string]struct {
		trouble func(t *testing.T, b bench)
		change  func(webinar.Viewer, time.Time) (webinar.Result, error)
		want    error
	}{
		"refused by the rules": {nil, func(webinar.Viewer, time.Time) (webinar.Result, error) { return webinar.Result{}, refused }, refused},
		"a panic":              {nil, func(webinar.Viewer, time.Time) (webinar.Result, error) { panic("bug") }, nil},
		"a user who is gone": {func(t *testing.T, b bench) {
			_, err := b.db.SQL.ExecContext(t.Context(), "DELETE FROM wp_users WHERE ID = 6")
			require.NoError(t, err)
		}, progress("a", 6), usermeta.ErrUnknownUser},
		"rows that cannot be written": {func(t *testing.T, b bench) {
			_, err := b.db.SQL.ExecContext(t.Context(), `CREATE TRIGGER trouble BEFORE INSERT ON wp_usermeta FOR EACH ROW
				BEGIN IF NEW.user_id = 6 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF; END`)
			require.NoError(t, err)
		}, progress("a", 6), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := crowd(t)
			if test.trouble != nil {
				test.trouble(t, b)
			}
			changes := reports(2, 4, 8, 10, 12)
			changes[6] = test.change
			errs := together(t, b.store, changes)
			require.Error(t, errs[6])
			if test.want != nil {
				require.ErrorIs(t, errs[6], test.want)
			}
			for _, id := range []webinar.UserID{2, 4, 8, 10, 12} {
				assert.NoError(t, errs[id], "viewer %d", id)
				assert.Equal(t, fmt.Sprint(id), b.plain(t, uint64(id))["last_position_sec"])
			}
			assert.NotContains(t, b.plain(t, 6), "last_position_sec")
		})
	}
}

func TestAViewerWhoseRowsAreHeldKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	b := crowd(t)
	release := b.hold(t, 6)

	done := make(chan error, 1)
	var errs map[webinar.UserID]error
	go func() {
		errs = together(t, b.store, reports(2, 4, 6, 8))
		done <- nil
	}()
	// The others are done while viewer 6 is still held.
	require.Eventually(t, func() bool {
		return b.plain(t, 2)["last_position_sec"] == "2" && b.plain(t, 8)["last_position_sec"] == "8"
	}, 1500*time.Millisecond, 5*time.Millisecond)
	b.change(t, 10, progress("a", 10)) // and so is who comes later
	select {
	case <-done:
		t.Fatal("viewer 6 is not held")
	default:
	}
	release()
	<-done
	for id, err := range errs {
		assert.NoError(t, err, "viewer %d", id)
	}
	assert.Equal(t, "6", b.plain(t, 6)["last_position_sec"])
}

func TestNewViewersEnterTogether(t *testing.T) {
	t.Parallel()
	b := crowd(t)
	changes := reports(2, 4)
	for id := uint64(200); id < 240; id += 2 {
		b.db.AddUser(t, id, fmt.Sprintf("viewer%d", id), "")
		changes[webinar.UserID(id)] = enter("a", webinar.SessionID(fmt.Sprint("s", id)))
	}
	changes[998] = enter("a", "nobody")
	errs := together(t, b.store, changes)
	require.ErrorIs(t, errs[998], usermeta.ErrUnknownUser)
	delete(errs, 998)
	for id, err := range errs {
		require.NoError(t, err, "viewer %d", id)
	}
	for id := uint64(200); id < 240; id += 2 {
		assert.Equal(t, fmt.Sprint("s", id), b.plain(t, id)["session_id"])
		assert.Equal(t, "client_webinar_entered", b.plain(t, id)["outbox"])
	}
	assert.Empty(t, b.db.Meta(t, 998))
}

func TestChangesOfOneViewerInOneCommitFollowEachOther(t *testing.T) {
	t.Parallel()
	b := crowd(t)
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = change(t.Context(), b.store, 100, func(v webinar.Viewer, _ time.Time) (webinar.Result, error) {
			close(held)
			<-release
			return webinar.Result{Viewer: v}, nil
		})
	})
	<-held
	seen := make(chan int64, 20)
	for i := range int64(20) {
		wg.Go(func() {
			result, err := change(context.Background(), b.store, 2, progress("a", i+1))
			assert.NoError(t, err)
			seen <- result.Session.LastPosition
		})
	}
	require.Eventually(t, func() bool { return b.store.Waiting(100) == 20 }, 5*time.Second, time.Millisecond)
	close(release)
	wg.Wait()
	close(seen)
	for position := range seen {
		assert.Positive(t, position)
	}
	assert.Equal(t, "20", b.plain(t, 2)["last_position_sec"])
}

// Many requests of one viewer whose rows are held take one place, not all.
func TestAHeldViewerWithManyRequestsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b := crowd(t)
	release := b.hold(t, 6)
	var wg sync.WaitGroup
	for i := range int64(100) {
		wg.Go(func() {
			_, err := change(context.Background(), b.store, 6, progress("a", i))
			assert.NoError(t, err)
		})
	}
	require.Eventually(t, func() bool { return b.store.Load().LockWaiters == 1 }, 5*time.Second, time.Millisecond)
	begun := time.Now()
	for id := webinar.UserID(2); id <= 4; id += 2 {
		b.change(t, id, progress("a", int64(id)))
	}
	assert.Less(t, time.Since(begun), time.Second)
	release()
	wg.Wait()
	assert.Equal(t, "99", b.plain(t, 6)["last_position_sec"])
	assert.Zero(t, b.store.Straggling(6))
}
