package usermeta_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// private is a bench on a server of its own, whose settings may be changed.
func private(t testing.TB, options ...string) bench {
	t.Helper()
	db, _ := mariadbtest.NewWithServer(t, mariadbd.Config{Args: options})
	return benchOn(t, db)
}

func TestAReadOnlyServerIsUnavailableUntilItTakesWritesAgain(t *testing.T) {
	t.Parallel()
	b := private(t)
	b.change(t, 1, enter("a", "s1"))
	before := b.db.Meta(t, 1)
	b.set(t, "SET GLOBAL read_only = 1")

	_, err := change(t.Context(), b.store, 1, progress("a", 10))
	require.ErrorIs(t, err, usermeta.ErrUnavailable)
	_, err = change(t.Context(), b.store, 2, enter("a", "s2"))
	require.ErrorIs(t, err, usermeta.ErrUnavailable)
	v, _, err := b.store.Read(t.Context(), 1)
	require.NoError(t, err, "reading goes on")
	assert.Zero(t, v.Current.LastPosition)
	messages := b.backlog(t, 1).Messages
	require.ErrorIs(t, b.outbox.Ack(t.Context(), messages[0]), usermeta.ErrUnavailable)
	assert.Equal(t, before, b.db.Meta(t, 1))
	assert.Empty(t, b.db.Meta(t, 2))

	b.set(t, "SET GLOBAL read_only = 0")
	b.change(t, 1, progress("a", 10))
	b.change(t, 2, enter("a", "s2"))
	require.NoError(t, b.outbox.Ack(t.Context(), messages[0]))
	assert.Empty(t, b.backlog(t, 1).Messages)
}

func (b bench) set(t testing.TB, statement string) {
	t.Helper()
	_, err := b.db.SQL.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

// What is wrong must be said: that the server is read-only, not that the
// connection was lost.
func TestAnInspectionNamesAReadOnlyServer(t *testing.T) {
	t.Parallel()
	b := private(t)
	b.set(t, "SET GLOBAL read_only = 1")
	store := inspected(t, config(t, b.db.DSN))
	findings := store.CheckDatabase(t.Context())
	var found bool
	for _, f := range findings {
		if f.Name == "writable" {
			found = true
			assert.Equal(t, usermeta.Fail, f.State)
			assert.Equal(t, "connect to the primary server", f.Advice)
		}
	}
	assert.True(t, found, "%+v", findings)
	require.ErrorIs(t, store.Verify(t.Context()), usermeta.ErrUnavailable)
	require.ErrorContains(t, store.Ping(t.Context()), "read_only is ON", "the reason, for those who wait until it is ready")
	b.set(t, "SET GLOBAL read_only = 0")
	require.NoError(t, store.Verify(t.Context()))
	require.NoError(t, store.Ping(t.Context()))

	// A fail-over while the service runs.
	b.set(t, "SET GLOBAL read_only = 1")
	err := store.Ping(t.Context())
	require.ErrorIs(t, err, usermeta.ErrUnavailable)
	require.ErrorContains(t, err, "read_only is ON")
	b.set(t, "SET GLOBAL read_only = 0")
	require.NoError(t, store.Ping(t.Context()))
}

// The name of the primary now leads to another server; the old one is still
// there, read-only, and there is no traffic that would meet its refusal.
func TestAReplicaFollowsANameThatLeadsToAnotherServer(t *testing.T) {
	t.Parallel()
	first, second := private(t), private(t)
	first.set(t, "SET GLOBAL read_only = 1")
	cfg, wire := tapped(t, first.db.DSN)
	store := inspected(t, cfg)
	require.ErrorContains(t, store.Verify(t.Context()), "read_only is ON")
	wire.turn(t, second.db.DSN)
	require.NoError(t, store.Verify(t.Context()), "the connection was not kept")

	second.set(t, "SET GLOBAL read_only = 1")
	first.set(t, "SET GLOBAL read_only = 0")
	require.ErrorContains(t, store.Ping(t.Context()), "read_only is ON")
	wire.turn(t, first.db.DSN)
	require.NoError(t, store.Ping(t.Context()))
}

// A server that logs statements refuses every write at READ COMMITTED.
func TestABinaryLogOfStatementsIsUnfit(t *testing.T) {
	t.Parallel()
	b := private(t, "--log-bin", "--server-id=1", "--binlog-format=ROW")
	for format, want := range map[string]map[string]usermeta.State{
		"STATEMENT": {"binary log": usermeta.Fatal, "write grants": usermeta.Fail},
		"MIXED":     {},
		"ROW":       {},
	} {
		b.set(t, "SET GLOBAL binlog_format = '"+format+"'")
		store := inspected(t, config(t, b.db.DSN))
		assert.Equal(t, with(want), states(store.CheckDatabase(t.Context())), format)
		err := store.Verify(t.Context())
		assert.Equal(t, format == "STATEMENT", errors.Is(err, usermeta.ErrUnsupportedDatabase), "%v", err)
	}
}

// There, a lock that is refused ends the whole transaction. Who shares a batch
// with a held viewer is changed under a lock all the same.
func TestAServerThatRollsBackWhereALockIsRefused(t *testing.T) {
	t.Parallel()
	b := private(t, "--innodb-rollback-on-timeout=ON")
	b.change(t, 1, enter("a", "s1"))
	b.change(t, 2, enter("a", "s2"))
	other, err := sqlx.Open("mysql", b.db.DSN)
	require.NoError(t, err)
	t.Cleanup(func() { other.Close() })
	progressed := func(inspect func()) usermeta.ApplyFunc {
		return func(v webinar.Viewer, now time.Time) (webinar.Viewer, []webinar.Event, error) {
			inspect()
			r, err := progress("a", 5)(v, now)
			return r.Viewer, r.Events, err
		}
	}
	release := sync.OnceFunc(b.hold(t, 2))
	errs := b.store.Together([]usermeta.Change{
		{User: 1, Apply: progressed(func() {
			_, err := other.Exec("SELECT umeta_id FROM wp_usermeta WHERE user_id = 1 FOR UPDATE NOWAIT")
			var refused *mysql.MySQLError
			if assert.ErrorAs(t, err, &refused, "locked between reading and writing") {
				assert.Equal(t, uint16(1205), refused.Number)
			}
			release()
		})},
		{User: 2, Apply: progressed(func() {})},
	})
	assert.Equal(t, []error{nil, nil}, errs)
	assert.Equal(t, "5", b.plain(t, 1)["last_position_sec"])
	assert.Equal(t, "5", b.plain(t, 2)["last_position_sec"])
}
