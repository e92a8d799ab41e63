package usermeta_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

func TestMain(m *testing.M) { mariadbtest.Main(m) }

var rules = webinar.Rules{Heartbeat: 10, Durations: map[webinar.ID]int64{"a": 1000, "b": 1000, "c": 1000}}

// bench is a store under the production account, on a database of its own with
// the viewers 1, 2 and 3.
type bench struct {
	db     *mariadbtest.DB
	store  *usermeta.Store
	outbox *usermeta.Outbox
	nudges chan struct{}
}

func config(t testing.TB, dsn string) usermeta.Config {
	t.Helper()
	parsed, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	return usermeta.Config{DSN: parsed, UsersTable: "wp_users", UsermetaTable: "wp_usermeta"}
}

func setup(t testing.TB) bench {
	t.Helper()
	return benchOn(t, mariadbtest.New(t))
}

func benchOn(t testing.TB, db *mariadbtest.DB) bench {
	t.Helper()
	for id := uint64(1); id <= 3; id++ {
		db.AddUser(t, id, fmt.Sprintf("viewer%d", id), "$P$Bxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
	}
	b := bench{db: db, nudges: make(chan struct{}, 100)}
	b.store, b.outbox = b.replica(t)
	return b
}

// replica is one more instance of the service on the same table.
func (b bench) replica(t testing.TB) (*usermeta.Store, *usermeta.Outbox) {
	t.Helper()
	cfg := config(t, b.db.DSN)
	pool, err := usermeta.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	store := usermeta.New(pool, cfg, slog.New(slog.DiscardHandler), func() {
		select {
		case b.nudges <- struct{}{}:
		default:
		}
	})
	require.NoError(t, store.Verify(t.Context()))
	return store, usermeta.NewOutbox(pool, cfg, "crm_lead", slog.New(slog.DiscardHandler))
}

func (b bench) change(t testing.TB, user webinar.UserID, f func(v webinar.Viewer, now time.Time) (webinar.Result, error)) webinar.Result {
	t.Helper()
	result, err := change(t.Context(), b.store, user, f)
	require.NoError(t, err)
	return result
}

func change(ctx context.Context, store *usermeta.Store, user webinar.UserID, f func(v webinar.Viewer, now time.Time) (webinar.Result, error)) (webinar.Result, error) {
	var result webinar.Result
	err := store.Change(ctx, user, func(v webinar.Viewer, now time.Time) (webinar.Viewer, []webinar.Event, error) {
		var err error
		result, err = f(v, now)
		return result.Viewer, result.Events, err
	})
	return result, err
}

func enter(id webinar.ID, session webinar.SessionID) func(webinar.Viewer, time.Time) (webinar.Result, error) {
	return func(v webinar.Viewer, now time.Time) (webinar.Result, error) { return rules.Enter(v, id, session, now) }
}

func progress(id webinar.ID, position int64) func(webinar.Viewer, time.Time) (webinar.Result, error) {
	return func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return rules.Progress(v, webinar.SessionRef{Webinar: id}, webinar.Report{Position: position}, now)
	}
}

// plain is the user's rows with times replaced by "time", events by their types.
func (b bench) plain(t testing.TB, user uint64) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for key, values := range b.db.Meta(t, user) {
		for i, value := range values {
			if _, err := time.Parse("2006-01-02 15:04:05", value); err == nil {
				values[i] = "time"
			}
			if strings.HasPrefix(key, "autowebinar_outbox") {
				values[i] = strings.Split(value, "|")[1]
			}
		}
		rows[strings.TrimPrefix(key, "autowebinar_")] = strings.Join(values, " ")
	}
	return rows
}

func TestEnterWritesTheKeysOfAnEntryAndItsEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(t, 1, enter("a", "s1"))
	assert.Equal(t, map[string]string{
		"session_id": "s1", "webinar_id": "a", "started_at": "time", "last_seen_at": "time",
		"outbox": "client_webinar_entered",
	}, b.plain(t, 1))
	assert.Len(t, b.nudges, 1)
}

func TestProgressWritesOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(t, 1, enter("a", "s1"))
	b.change(t, 1, progress("a", 300))
	b.change(t, 1, progress("a", 310))
	assert.Equal(t, map[string]string{
		"session_id": "s1", "webinar_id": "a", "started_at": "time", "last_seen_at": "time",
		"last_position_sec": "310", "furthest_sec": "310", "progress_percent": "25",
		"outbox": "client_webinar_entered",
	}, b.plain(t, 1))
}

func TestAnotherWebinarIsSetAsideByRenamingAndComesBackWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(t, 1, enter("a", "s1"))
	b.change(t, 1, progress("a", 600))
	ids := b.rowIDs(t, 1)
	b.change(t, 1, enter("b", "s2"))
	b.change(t, 1, progress("a", 700)) // lands in the rows of a, whichever is current
	rows := b.plain(t, 1)
	assert.Equal(t, "700", rows["last_position_sec@a"])
	assert.Equal(t, "50", rows["progress_percent@a"])
	assert.Equal(t, "s1", rows["session_id@a"])
	assert.Equal(t, "s2", rows["session_id"])
	assert.NotContains(t, rows, "last_position_sec")

	result := b.change(t, 1, enter("a", "unused"))
	assert.False(t, result.Created)
	rows = b.plain(t, 1)
	assert.Equal(t, "700", rows["last_position_sec"])
	assert.Equal(t, "s2", rows["session_id@b"])
	assert.NotContains(t, rows, "session_id@a")
	for key, id := range ids {
		assert.Equal(t, id, b.rowIDs(t, 1)[key], "the row of %s is the same one", key)
	}
}

func (b bench) rowIDs(t testing.TB, user uint64) map[string]uint64 {
	t.Helper()
	var rows []struct {
		Key string `db:"meta_key"`
		ID  uint64 `db:"umeta_id"`
	}
	require.NoError(t, b.db.SQL.Select(&rows, "SELECT meta_key, umeta_id FROM wp_usermeta WHERE user_id = ? AND meta_key NOT LIKE '%outbox%'", user))
	ids := map[string]uint64{}
	for _, r := range rows {
		ids[r.Key] = r.ID
	}
	return ids
}

func TestUsersThatDoNotExistAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := change(t.Context(), b.store, 99, enter("a", "s1"))
	require.ErrorIs(t, err, usermeta.ErrUnknownUser)
	_, _, err = b.store.Read(t.Context(), 99)
	require.ErrorIs(t, err, usermeta.ErrUnknownUser)

	// A user deleted with rows left behind is as unknown.
	b.change(t, 3, enter("a", "s1"))
	_, err = b.db.SQL.Exec("DELETE FROM wp_users WHERE ID = 3")
	require.NoError(t, err)
	_, err = change(t.Context(), b.store, 3, progress("a", 10))
	require.ErrorIs(t, err, usermeta.ErrUnknownUser)
	assert.Empty(t, b.db.Meta(t, 99))
}

func TestARefusalOfTheRulesWritesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := change(t.Context(), b.store, 1, progress("a", 10))
	require.ErrorIs(t, err, webinar.ErrNoSession)
	assert.Empty(t, b.db.Meta(t, 1))
}

func TestRowsOfOthersAreReadTolerantly(t *testing.T) {
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
			b := setup(t)
			for _, row := range test.rows {
				b.db.SetMeta(t, 1, "autowebinar_"+row[0], row[1])
			}
			v, now, err := b.store.Read(t.Context(), 1)
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

func TestDuplicatesAreWrittenAlikeAndMovedTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(t, 1, enter("a", "s1"))
	for _, value := range []string{"5", "500"} {
		b.db.SetMeta(t, 1, "autowebinar_last_position_sec", value)
	}
	b.change(t, 1, progress("a", 100))
	assert.Equal(t, "100 100", b.plain(t, 1)["last_position_sec"])
	b.change(t, 1, enter("b", "s2"))
	rows := b.plain(t, 1)
	assert.Equal(t, "100 100", rows["last_position_sec@a"])
	assert.NotContains(t, rows, "last_position_sec")
}

func TestPlainRowsWinOverASetAsideCopy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(t, 1, enter("a", "s1"))
	for key, value := range map[string]string{"session_id@a": "old", "last_position_sec@a": "9", "progress_percent@a": "25"} {
		b.db.SetMeta(t, 1, "autowebinar_"+key, value)
	}
	b.change(t, 1, progress("a", 20))
	rows := b.plain(t, 1)
	assert.Equal(t, "20", rows["last_position_sec"])
	for key := range rows {
		assert.NotContains(t, key, "@")
	}
}

func TestStrayRowsNeverBecomePartOfASession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.db.SetMeta(t, 1, "autowebinar_progress_percent", "75") // its session id was deleted by PHP
	b.db.SetMeta(t, 1, "autowebinar_completed", "1")
	b.db.SetMeta(t, 1, "autowebinar_furthest_sec@a", "999")
	b.change(t, 1, enter("a", "s1"))
	b.change(t, 1, progress("a", 20))
	b.change(t, 1, enter("b", "s2"))
	assert.Equal(t, map[string]string{
		"session_id@a": "s1", "webinar_id@a": "a", "started_at@a": "time", "last_seen_at@a": "time",
		"last_position_sec@a": "20", "furthest_sec@a": "20", "progress_percent@a": "0",
		"session_id": "s2", "webinar_id": "b", "started_at": "time", "last_seen_at": "time",
		"outbox": "client_webinar_entered client_webinar_entered",
	}, b.plain(t, 1))
}

func TestManyRequestsOfOneNewViewerLeaveOneRowAKeyAndOneEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other, _ := b.replica(t)
	var wg sync.WaitGroup
	errs := make(chan error, 200)
	for i := range 200 {
		store := b.store
		if i%2 == 1 {
			store = other
		}
		wg.Go(func() {
			_, err := change(t.Context(), store, 2, enter("a", webinar.SessionID(fmt.Sprintf("s%d", i))))
			if err == nil {
				_, err = change(t.Context(), store, 2, progress("a", int64(i)))
			}
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	for key, values := range b.db.Meta(t, 2) {
		assert.Len(t, values, 1, key)
	}
	assert.Equal(t, "client_webinar_entered", b.plain(t, 2)["outbox"])
	assert.Equal(t, "199", b.plain(t, 2)["last_position_sec"])
}

func TestNothingElseInTheDatabaseChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.db.SetMeta(t, 1, "nickname", "anna")
	b.db.SetMeta(t, 1, "autowebinarX", "not in the namespace")
	before := b.db.Checksum(t)
	b.change(t, 1, enter("a", "s1"))
	b.change(t, 1, progress("a", 1000))
	b.change(t, 1, enter("b", "s2"))
	assert.Equal(t, before, b.db.Checksum(t))
}

func TestAViewersLockDoesNotReachTheUsersTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(t, 1, enter("a", "s1"))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := b.store.Change(ctx, 1, func(v webinar.Viewer, now time.Time) (webinar.Viewer, []webinar.Event, error) {
		_, err := b.db.SQL.ExecContext(ctx, "UPDATE wp_users SET display_name = 'Anna' WHERE ID = 1")
		assert.NoError(t, err)
		_, err = b.db.SQL.ExecContext(ctx, "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, 'nickname', 'x'), (2, 'nickname', 'y')")
		return v, nil, err
	})
	require.NoError(t, err)
}

func TestAChangeOutlivesItsRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := change(ctx, b.store, 1, enter("a", "s1"))
	require.NoError(t, err)
	assert.Equal(t, "s1", b.plain(t, 1)["session_id"])
}

func TestAnUnreachableDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	cfg := config(t, "nobody:nothing@tcp(127.0.0.1:1)/wordpress")
	pool, err := usermeta.Open(cfg)
	require.NoError(t, err)
	defer pool.Close()
	store := usermeta.New(pool, cfg, slog.New(slog.DiscardHandler), nil)
	require.ErrorIs(t, store.Verify(t.Context()), usermeta.ErrUnavailable)
	_, err = change(t.Context(), store, 1, enter("a", "s1"))
	require.ErrorIs(t, err, usermeta.ErrUnavailable)
	assert.False(t, errors.Is(err, usermeta.ErrUnsupportedDatabase))
}
