package usermeta_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/storetest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

func TestEnterWritesTheSessionAndItsEvent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	assert.Equal(t, map[string]string{
		"session_id": "s1", "webinar_id": "a", "started_at": "time", "last_seen_at": "time",
		"outbox": "client_webinar_entered",
	}, f.Rows(t, 1))
	assert.Len(t, f.Wakes, 1)
}

func TestProgressWritesOnlyChangedValues(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 1, storetest.Progress("a", 300))
	f.Change(t, 1, storetest.Progress("a", 310))
	assert.Equal(t, map[string]string{
		"session_id": "s1", "webinar_id": "a", "started_at": "time", "last_seen_at": "time",
		"last_position_sec": "310", "furthest_sec": "310", "progress_percent": "25",
		"outbox": "client_webinar_entered",
	}, f.Rows(t, 1))
}

func TestSessionIsParkedAndRestoredByRenamingItsRows(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 1, storetest.Progress("a", 600))
	ids := f.rowIDs(t, 1)
	f.Change(t, 1, storetest.Enter("b", "s2"))
	f.Change(t, 1, storetest.Progress("a", 700)) // changes the rows of a, which are parked
	rows := f.Rows(t, 1)
	assert.Equal(t, "700", rows["last_position_sec@a"])
	assert.Equal(t, "50", rows["progress_percent@a"])
	assert.Equal(t, "s1", rows["session_id@a"])
	assert.Equal(t, "s2", rows["session_id"])
	assert.NotContains(t, rows, "last_position_sec")

	result := f.Change(t, 1, storetest.Enter("a", "unused"))
	assert.False(t, result.Created)
	rows = f.Rows(t, 1)
	assert.Equal(t, "700", rows["last_position_sec"])
	assert.Equal(t, "s2", rows["session_id@b"])
	assert.NotContains(t, rows, "session_id@a")
	for key, id := range ids {
		assert.Equal(t, id, f.rowIDs(t, 1)[key], "the row of %s keeps its id", key)
	}
}

func (f fixture) rowIDs(t testing.TB, user uint64) map[string]uint64 {
	t.Helper()
	var rows []struct {
		Key string `db:"meta_key"`
		ID  uint64 `db:"umeta_id"`
	}
	require.NoError(t, f.DB.SQL.Select(&rows, "SELECT meta_key, umeta_id FROM wp_usermeta WHERE user_id = ? AND meta_key NOT LIKE '%outbox%'", user))
	ids := map[string]uint64{}
	for _, r := range rows {
		ids[r.Key] = r.ID
	}
	return ids
}

func TestUnknownUser(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, err := f.Store.Change(t.Context(), 99, storetest.Enter("a", "s1"))
	require.ErrorIs(t, err, usermeta.ErrUnknownUser)
	_, _, err = f.Store.Read(t.Context(), 99)
	require.ErrorIs(t, err, usermeta.ErrUnknownUser)

	// A user deleted with rows left behind is as unknown.
	f.Change(t, 3, storetest.Enter("a", "s1"))
	_, err = f.DB.SQL.Exec("DELETE FROM wp_users WHERE ID = 3")
	require.NoError(t, err)
	_, err = f.Store.Change(t.Context(), 3, storetest.Progress("a", 10))
	require.ErrorIs(t, err, usermeta.ErrUnknownUser)
	assert.Empty(t, f.DB.Meta(t, 99))
}

func TestFailedCommandWritesNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, err := f.Store.Change(t.Context(), 1, storetest.Progress("a", 10))
	require.ErrorIs(t, err, webinar.ErrNoSession)
	assert.Empty(t, f.DB.Meta(t, 1))
}

func TestValuesWrittenByPHPAreRead(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rows [][2]string
		want webinar.Session
	}{
		"made by PHP with the seven keys": {
			[][2]string{{"session_id", "php"}, {"started_at", "2026-01-02 03:04:05"}, {"last_position_sec", "77"}, {"progress_percent", "25"}, {"completed", ""}, {"cta_clicked_at", ""}, {"last_seen_at", "2026-01-02 03:05:00"}},
			webinar.Session{ID: "php", StartedAt: date("2026-01-02T03:04:05Z"), LastPosition: 77, Furthest: 77, Percent: 25, LastSeenAt: date("2026-01-02T03:05:00Z")},
		},
		"times as RFC 3339 and Unix seconds": {
			[][2]string{{"session_id", "x"}, {"started_at", "2026-01-02T05:04:05+02:00"}, {"last_seen_at", "1767323045"}},
			webinar.Session{ID: "x", StartedAt: date("2026-01-02T03:04:05Z"), LastSeenAt: date("2026-01-02T03:04:05Z")},
		},
		"damaged values are absent": {
			[][2]string{{"session_id", "x"}, {"started_at", "yesterday"}, {"last_position_sec", "-5"}, {"progress_percent", "many"}, {"completed", "0"}, {"webinar_id", "No Such Id"}},
			webinar.Session{ID: "x"},
		},
		"the lowest row of duplicates counts": {
			[][2]string{{"session_id", "x"}, {"last_position_sec", "5"}, {"last_position_sec", "500"}},
			webinar.Session{ID: "x", LastPosition: 5, Furthest: 5},
		},
		"keys in another case are other keys": {
			[][2]string{{"session_id", "x"}, {"LAST_POSITION_SEC", "500"}},
			webinar.Session{ID: "x"},
		},
		"floats as PHP prints them": {
			[][2]string{{"session_id", "x"}, {"last_position_sec", "12.7"}, {"progress_percent", "60"}, {"completed", "true"}},
			webinar.Session{ID: "x", LastPosition: 12, Furthest: 12, Percent: 50, Completed: true},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			for _, row := range test.rows {
				f.DB.SetMeta(t, 1, "autowebinar_"+row[0], row[1])
			}
			v, now, err := f.Store.Read(t.Context(), 1)
			require.NoError(t, err)
			require.NotNil(t, v.Current)
			assert.Equal(t, test.want, *v.Current)
			assert.WithinDuration(t, time.Now(), now, 5*time.Second)
		})
	}
}

func date(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func TestDuplicateRowsAreWrittenAndRenamedTogether(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	for _, value := range []string{"5", "500"} {
		f.DB.SetMeta(t, 1, "autowebinar_last_position_sec", value)
	}
	f.Change(t, 1, storetest.Progress("a", 100))
	assert.Equal(t, "100 100", f.Rows(t, 1)["last_position_sec"])
	f.Change(t, 1, storetest.Enter("b", "s2"))
	rows := f.Rows(t, 1)
	assert.Equal(t, "100 100", rows["last_position_sec@a"])
	assert.NotContains(t, rows, "last_position_sec")
}

func TestCurrentRowsWinOverAParkedCopy(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	for key, value := range map[string]string{"session_id@a": "old", "last_position_sec@a": "9", "progress_percent@a": "25"} {
		f.DB.SetMeta(t, 1, "autowebinar_"+key, value)
	}
	f.Change(t, 1, storetest.Progress("a", 20))
	rows := f.Rows(t, 1)
	assert.Equal(t, "20", rows["last_position_sec"])
	for key := range rows {
		assert.NotContains(t, key, "@")
	}
}

func TestRowsWithoutASessionAreNotAdopted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.DB.SetMeta(t, 1, "autowebinar_progress_percent", "75") // its session id was deleted by PHP
	f.DB.SetMeta(t, 1, "autowebinar_completed", "1")
	f.DB.SetMeta(t, 1, "autowebinar_furthest_sec@a", "999")
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 1, storetest.Progress("a", 20))
	f.Change(t, 1, storetest.Enter("b", "s2"))
	assert.Equal(t, map[string]string{
		"session_id@a": "s1", "webinar_id@a": "a", "started_at@a": "time", "last_seen_at@a": "time",
		"last_position_sec@a": "20", "furthest_sec@a": "20", "progress_percent@a": "0",
		"session_id": "s2", "webinar_id": "b", "started_at": "time", "last_seen_at": "time",
		"outbox": "client_webinar_entered client_webinar_entered",
	}, f.Rows(t, 1))
}

func TestConcurrentFirstRequestsCreateOneSession(t *testing.T) {
	t.Parallel()
	f := setup(t)
	other, _ := f.Replica(t)
	var wg sync.WaitGroup
	errs := make(chan error, 200)
	for i := range 200 {
		store := f.Store
		if i%2 == 1 {
			store = other
		}
		wg.Go(func() {
			_, err := store.Change(t.Context(), 2, storetest.Enter("a", webinar.SessionID(fmt.Sprintf("s%d", i))))
			if err == nil {
				_, err = store.Change(t.Context(), 2, storetest.Progress("a", int64(i)))
			}
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	for key, values := range f.DB.Meta(t, 2) {
		assert.Len(t, values, 1, key)
	}
	assert.Equal(t, "client_webinar_entered", f.Rows(t, 2)["outbox"])
	assert.Equal(t, "199", f.Rows(t, 2)["last_position_sec"])
}

func TestOtherRowsDoNotChange(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.DB.SetMeta(t, 1, "nickname", "anna")
	f.DB.SetMeta(t, 1, "autowebinarX", "not in the namespace")
	before := f.DB.Checksum(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 1, storetest.Progress("a", 1000))
	f.Change(t, 1, storetest.Enter("b", "s2"))
	assert.Equal(t, before, f.DB.Checksum(t))
}

func TestLocksDoNotCoverTheUsersTable(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := f.Store.Change(ctx, 1, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		_, err := f.DB.SQL.ExecContext(ctx, "UPDATE wp_users SET display_name = 'Anna' WHERE ID = 1")
		assert.NoError(t, err)
		_, err = f.DB.SQL.ExecContext(ctx, "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, 'nickname', 'x'), (2, 'nickname', 'y')")
		return webinar.Result{Viewer: v}, err
	})
	require.NoError(t, err)
}

func TestCanceledChange(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := f.Store.Change(ctx, 1, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		cancel()
		return storetest.Enter("a", "s1")(v, now)
	})
	require.NoError(t, err, "a change that has begun is completed")
	assert.Equal(t, "s1", f.Rows(t, 1)["session_id"])

	_, err = f.Store.Change(ctx, 1, storetest.Progress("a", 10))
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, f.Rows(t, 1)["last_position_sec"], "a change that has not is not begun")
}

func TestUnreachableDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	store := usermeta.New(storetest.Open(t, storetest.Config(t, "user:password@tcp(127.0.0.1:1)/wordpress")), usermeta.Options{})
	for _, ready := range []bool{false, true} {
		if ready {
			store.SetReady()
		}
		_, err := store.Change(t.Context(), 1, storetest.Enter("a", "s1"))
		require.ErrorIs(t, err, wpdb.ErrUnavailable)
		_, _, err = store.Read(t.Context(), 1)
		require.ErrorIs(t, err, wpdb.ErrUnavailable)
	}
}

func TestDiscardEvents(t *testing.T) {
	t.Parallel()
	f := setup(t)
	store := usermeta.New(storetest.Open(t, storetest.Config(t, f.DB.DSN)), usermeta.Options{DiscardEvents: true})
	store.SetReady()
	for _, command := range []webinar.Command{storetest.Enter("a", "s1"), storetest.Progress("a", 1000), storetest.Exit("a")} {
		result, err := store.Change(t.Context(), 1, command)
		require.NoError(t, err)
		assert.Empty(t, result.Events)
	}
	assert.Equal(t, "1000", f.Rows(t, 1)["last_position_sec"])
	assert.Empty(t, f.ViewerQueue(t, 1).Messages)
}
