package usermeta_test

import (
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

func TestPurgeDeletesOnlyTheRowsOfTheGivenUsers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for user := webinar.UserID(1); user <= 3; user++ {
		f.Change(t, user, storetest.Enter("a", webinar.SessionID(fmt.Sprint("s", user))))
		f.Change(t, user, storetest.Enter("b", webinar.SessionID(fmt.Sprint("t", user))))
		f.DB.SetMeta(t, uint64(user), "nickname", "x")
		f.DB.SetMeta(t, uint64(user), "autowebinarish", "another key")
		f.DB.SetMeta(t, uint64(user), "Autowebinar_completed", "another key")
	}
	f.Exec(t, "DELETE FROM wp_users WHERE ID = 3")
	usage, err := f.Store.Usage(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, usage.Users, 3)
	assert.Equal(t, usermeta.UserUsage{User: 3, Exists: false, Rows: 10, Events: 2}, usage.Users[2])
	one, err := f.Store.Usage(t.Context(), 2)
	require.NoError(t, err)
	assert.Equal(t, usage.Users[1:2], one.Users)

	n, err := f.Store.Purge(t.Context(), []webinar.UserID{3, 2, 1}, true)
	require.NoError(t, err)
	assert.Equal(t, 10, n, "the deleted user")
	n, err = f.Store.Purge(t.Context(), []webinar.UserID{2, 2}, false)
	require.NoError(t, err)
	assert.Equal(t, 10, n)
	for user := uint64(2); user <= 3; user++ {
		assert.Equal(t, map[string][]string{"nickname": {"x"}, "autowebinarish": {"another key"}, "Autowebinar_completed": {"another key"}}, f.DB.Meta(t, user))
	}
	assert.Len(t, f.Rows(t, 1), 12)
	n, err = f.Store.Purge(t.Context(), nil, false)
	require.NoError(t, err)
	assert.Zero(t, n)
}

// A viewer is purged again and again while watching: each change finds all rows of
// a session or none.
func TestPurgeDuringChanges(t *testing.T) {
	t.Parallel()
	f := setup(t)
	other, _ := f.Replica(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for worker, store := range []*usermeta.Store{f.Store, other} {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				session := webinar.SessionID(fmt.Sprintf("s%d.%d", worker, i))
				_, err := store.Change(t.Context(), 1, storetest.Enter("a", session))
				assert.NoError(t, err)
				_, err = store.Change(t.Context(), 1, storetest.Progress("a", int64(i)))
				if err != nil {
					assert.ErrorIs(t, err, webinar.ErrNoSession)
				}
			}
		})
	}
	for range 40 {
		_, err := f.Store.Purge(t.Context(), []webinar.UserID{1}, false)
		require.NoError(t, err)
		for key, values := range f.DB.Meta(t, 1) {
			if key != "autowebinar_outbox" {
				assert.Len(t, values, 1, key)
			}
		}
		v, now, err := f.Store.Read(t.Context(), 1)
		require.NoError(t, err)
		if v.Current != nil {
			assert.Equal(t, webinar.ID("a"), v.Current.Webinar, "a complete session")
			assert.WithinDuration(t, now, v.Current.StartedAt, time.Minute)
		}
	}
	close(stop)
	wg.Wait()
}

func TestUsageCountsOrphansAndDuplicates(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.DB.SetMeta(t, 1, "autowebinar_session_id", "twin")
	f.DB.SetMeta(t, 1, "autowebinar_session_id", "triplet")
	f.DB.SetMeta(t, 2, "autowebinar_session_id", "another's")
	f.DB.SetMeta(t, 2, "autowebinar_outbox_dead", "x")
	f.DB.SetMeta(t, 2, "autowebinar_outbox_dead", "x")
	f.DB.SetMeta(t, 99, "autowebinar_completed", "1")
	for user, want := range map[webinar.UserID]usermeta.Usage{
		0: {Rows: 11, Orphans: 1, Duplicates: 2, Pending: 1, Dead: 2},
		1: {Rows: 7, Duplicates: 2, Pending: 1},
		3: {},
	} {
		got, err := f.Store.Usage(t.Context(), user)
		require.NoError(t, err)
		got.Users = nil
		assert.Equal(t, want, got, user)
	}
}

func TestUsersWithSession(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.DB.AddUser(t, 4, "viewer4", "")
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 2, storetest.Enter("a", "s2"))
	f.Change(t, 2, storetest.Enter("b", "s3"))
	f.Change(t, 3, storetest.Enter("b", "s4"))
	f.Change(t, 4, storetest.Enter("c", "s5"))
	for id, want := range map[webinar.ID][]webinar.UserID{"a": {1, 2}, "b": {2, 3}, "c": {4}, "none": nil} {
		got, err := f.Store.UsersWithSession(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, want, got, id)
	}
	viewers, err := f.Store.ReadViewers(t.Context(), []webinar.UserID{4, 2, 1000, 2})
	require.NoError(t, err)
	require.Len(t, viewers, 2)
	assert.Equal(t, webinar.SessionID("s3"), viewers[0].Current.ID)
	assert.Equal(t, webinar.SessionID("s2"), viewers[0].Parked["a"].ID)
	logins, err := f.Store.Logins(t.Context(), []webinar.UserID{1, 1000})
	require.NoError(t, err)
	assert.Equal(t, map[webinar.UserID]string{1: "viewer1"}, logins)
}
