package usermeta_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/storetest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

func TestReadOnlyServerIsUnavailable(t *testing.T) {
	t.Parallel()
	f := setupWithServer(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	before := f.DB.Meta(t, 1)
	f.Exec(t, "SET GLOBAL read_only = 1")

	_, err := f.Store.Change(t.Context(), 1, storetest.Progress("a", 10))
	require.ErrorIs(t, err, wpdb.ErrUnavailable)
	_, err = f.Store.Change(t.Context(), 2, storetest.Enter("a", "s2"))
	require.ErrorIs(t, err, wpdb.ErrUnavailable)
	v, _, err := f.Store.Read(t.Context(), 1)
	require.NoError(t, err, "reads succeed")
	assert.Zero(t, v.Current.LastPosition)
	messages := f.ViewerQueue(t, 1).Messages
	require.ErrorIs(t, f.Outbox.Ack(t.Context(), messages[0]), wpdb.ErrUnavailable)
	assert.Equal(t, before, f.DB.Meta(t, 1))
	assert.Empty(t, f.DB.Meta(t, 2))

	f.Exec(t, "SET GLOBAL read_only = 0")
	f.Change(t, 1, storetest.Progress("a", 10))
	f.Change(t, 2, storetest.Enter("a", "s2"))
	require.NoError(t, f.Outbox.Ack(t.Context(), messages[0]))
	assert.Empty(t, f.ViewerQueue(t, 1).Messages)
}

// On such a server a lock that is not granted ends the transaction. The other
// viewers of the batch must still be changed under a lock.
func TestInnoDBRollbackOnTimeout(t *testing.T) {
	t.Parallel()
	f := setupWithServer(t, "--innodb-rollback-on-timeout=ON")
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 2, storetest.Enter("a", "s2"))
	other, err := sqlx.Open("mysql", f.DB.DSN)
	require.NoError(t, err)
	t.Cleanup(func() { other.Close() })
	progressed := func(inspect func()) webinar.Command {
		return func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			inspect()
			return storetest.Progress("a", 5)(v, now)
		}
	}
	release := sync.OnceFunc(f.lock(t, 2))
	errs := f.Store.ChangeTogether([]usermeta.Change{
		{User: 1, Command: progressed(func() {
			_, err := other.Exec("SELECT umeta_id FROM wp_usermeta WHERE user_id = 1 FOR UPDATE NOWAIT")
			var sqlErr *mysql.MySQLError
			if assert.ErrorAs(t, err, &sqlErr, "the rows are locked between reading and writing") {
				assert.Equal(t, uint16(1205), sqlErr.Number)
			}
			release()
		})},
		{User: 2, Command: progressed(func() {})},
	})
	assert.Equal(t, []error{nil, nil}, errs)
	assert.Equal(t, "5", f.Rows(t, 1)["last_position_sec"])
	assert.Equal(t, "5", f.Rows(t, 2)["last_position_sec"])
}

// init_connect of a server may set any session variable: none of them may change
// what the service does.
func TestSessionVariablesOfTheServerHaveNoEffect(t *testing.T) {
	t.Parallel()
	b := setupWithServer(t, "--init-connect=SET autocommit = 0, completion_type = CHAIN, sql_safe_updates = 1, sql_select_limit = 2, sql_big_selects = 0, "+
		"max_join_size = 1, sql_mode = 'NO_BACKSLASH_ESCAPES', time_zone = '+05:00', tx_isolation = 'SERIALIZABLE'")
	for user := webinar.UserID(1); user <= 3; user++ {
		b.Change(t, user, storetest.Enter("a", webinar.SessionID(fmt.Sprint("s", user))))
	}
	errs := b.Store.ChangeTogether([]usermeta.Change{
		newChange(1, storetest.Progress("a", 3)), newChange(2, storetest.Progress("a", 3)), newChange(3, storetest.Enter("b", "t3")),
	})
	assert.Equal(t, []error{nil, nil, nil}, errs)
	b.Change(t, 1, storetest.Exit("a"))
	for user := uint64(1); user <= 2; user++ {
		assert.Equal(t, "3", b.Rows(t, user)["last_position_sec"], "read by another connection")
		assert.Equal(t, fmt.Sprint("s", user), b.Rows(t, user)["session_id"])
	}
	assert.Equal(t, "s3", b.Rows(t, 3)["session_id@a"])
	due, err := b.Outbox.DueViewers(t.Context(), 100)
	require.NoError(t, err)
	assert.Len(t, due, 3)
	messages := b.ViewerQueue(t, 1).Messages
	require.Len(t, messages, 2)
	require.NoError(t, b.Outbox.Ack(t.Context(), messages[0]))
	assert.Equal(t, "client_webinar_left", b.Rows(t, 1)["outbox"])
	purged, err := b.Store.Purge(t.Context(), []webinar.UserID{2}, false)
	require.NoError(t, err)
	assert.Positive(t, purged)
	assert.Empty(t, b.Rows(t, 2))
}
