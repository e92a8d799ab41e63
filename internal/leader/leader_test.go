package leader_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/leader"
	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/storetest"
	"autowebinar/internal/wpdb"
)

// patience bounds every wait in a test. A takeover takes about a second, or as
// long as the server needs to notice a silent leader.
const patience = 15 * time.Second

// term is the time during which a replica led, until its context ended.
type term struct {
	replica    string
	began, end time.Time
}

// election is a set of replicas that campaign, and their terms.
type election struct {
	cfg   wpdb.Config
	began chan string
	ended chan string

	mu    sync.Mutex
	terms []term
}

func newElection(t testing.TB, dsn string) *election {
	t.Helper()
	return &election{cfg: storetest.Config(t, dsn), began: make(chan string, 100), ended: make(chan string, 100)}
}

// campaign starts a replica, which campaigns until stop is called or the test
// ends. The work of a leader returns when linger has passed after the end of
// its context.
func (e *election) campaign(t testing.TB, replica string, linger time.Duration) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- leader.Run(ctx, e.cfg, slog.New(slog.DiscardHandler), func(ctx context.Context) {
			current := term{replica: replica, began: time.Now()}
			e.began <- replica
			<-ctx.Done()
			current.end = time.Now()
			e.mu.Lock()
			e.terms = append(e.terms, current)
			e.mu.Unlock()
			time.Sleep(linger) // like a delivery that does not notice the end at once
			e.ended <- replica
		})
	}()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-result
	})
	t.Cleanup(func() { assert.ErrorIs(t, stop(), context.Canceled) })
	return stop
}

func (e *election) leader(t testing.TB) string {
	t.Helper()
	select {
	case replica := <-e.began:
		return replica
	case <-time.After(patience):
		require.Fail(t, "there is no leader")
		return ""
	}
}

// requireNoOverlap asserts that every term had ended before the next one began.
func (e *election) requireNoOverlap(t testing.TB, terms int) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	require.Len(t, e.terms, terms)
	for i := 1; i < len(e.terms); i++ {
		before, after := e.terms[i-1], e.terms[i]
		if after.began.Before(before.began) {
			before, after = after, before
		}
		assert.False(t, after.began.Before(before.end), "%s began %s before the term of %s was over",
			after.replica, before.end.Sub(after.began), before.replica)
	}
}

func other(replica string) string { return map[string]string{"one": "two", "two": "one"}[replica] }

func TestOneReplicaLeadsUntilItStops(t *testing.T) {
	t.Parallel()
	e := newElection(t, mariadbtest.New(t).DSN)
	stops := map[string]func() error{"one": e.campaign(t, "one", 50*time.Millisecond), "two": e.campaign(t, "two", 50*time.Millisecond)}
	db := storetest.Open(t, e.cfg)
	first := e.leader(t)
	exists, err := leader.Exists(t.Context(), db)
	require.NoError(t, err)
	assert.True(t, exists)
	select {
	case replica := <-e.began:
		require.Fail(t, "two lead", replica)
	case <-time.After(1200 * time.Millisecond): // more than twice retryInterval
	}
	require.ErrorIs(t, stops[first](), context.Canceled)
	assert.Equal(t, first, <-e.ended, "Run waits for the work to end")
	assert.Equal(t, other(first), e.leader(t))
	require.ErrorIs(t, stops[other(first)](), context.Canceled)
	e.requireNoOverlap(t, 2)
	// The server releases the lock when it notices that the connection is closed.
	require.Eventually(t, func() bool {
		exists, err := leader.Exists(t.Context(), db)
		return err == nil && !exists
	}, patience, 10*time.Millisecond)
}

func TestLeaderCampaignsAgainWhenItsWorkReturns(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	e := newElection(t, db.DSN)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	terms := 0
	err := leader.Run(ctx, e.cfg, slog.New(slog.DiscardHandler), func(ctx context.Context) {
		switch terms++; terms {
		case 1: // so that the work returns after a term that ended with an error, too
			e.kill(t, db.SQL)
			<-ctx.Done()
		case 3:
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 3, terms)
}

func TestEachTableHasALeader(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	one, two := newElection(t, db.DSN), newElection(t, db.DSN)
	two.cfg.UsermetaTable = "wp_2_usermeta"
	one.campaign(t, "one", 0)
	two.campaign(t, "two", 0)
	assert.Equal(t, "one", one.leader(t))
	assert.Equal(t, "two", two.leader(t))
}

// The server releases the lock of a killed connection at once, before the
// leader notices, so the next leader must wait.
func TestKilledLeaderStopsBeforeTheNextBegins(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	e := newElection(t, db.DSN)
	e.campaign(t, "one", 0)
	first := e.leader(t)
	e.campaign(t, "two", 0)
	e.kill(t, db.SQL)
	<-e.ended
	second := e.leader(t)
	e.kill(t, db.SQL)
	<-e.ended
	assert.Equal(t, "one", first)
	assert.NotEmpty(t, second)
	e.requireNoOverlap(t, 2)
}

// kill closes the leader's connection on the server.
func (e *election) kill(t testing.TB, admin *sqlx.DB) {
	t.Helper()
	var id uint64
	require.NoError(t, admin.GetContext(t.Context(), &id, "SELECT IS_USED_LOCK(?)", (&wpdb.DB{Config: e.cfg}).LockName("dispatch")))
	_, err := admin.ExecContext(t.Context(), fmt.Sprintf("KILL %d", id))
	require.NoError(t, err)
}

// When the network drops all packets, the leader stops by itself, and the
// server releases the lock of the silent connection.
func TestDisconnectedLeaderStopsBeforeTheNextBegins(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	e := newElection(t, db.DSN)
	direct := e.cfg
	var network *storetest.Proxy
	e.cfg, network = storetest.NewProxy(t, db.DSN)
	stopOne := e.campaign(t, "one", 0)
	require.Equal(t, "one", e.leader(t))
	e.cfg = direct
	stopTwo := e.campaign(t, "two", 0)
	network.Silent.Store(true)
	lost := time.Now()
	require.Equal(t, "one", <-e.ended)
	assert.Less(t, time.Since(lost), 3*time.Second, "the leader stops by itself")
	require.Equal(t, "two", e.leader(t))
	require.ErrorIs(t, stopOne(), context.Canceled)
	require.ErrorIs(t, stopTwo(), context.Canceled)
	e.requireNoOverlap(t, 2)
}

// After a fail-over by host name the old primary is read-only and keeps its locks. A
// leader there would send what the leader on the new primary sends too.
func TestLeaderStopsOnReadOnlyServer(t *testing.T) {
	t.Parallel()
	first, second := storetest.NewWithServer(t), storetest.NewWithServer(t)
	cfg, proxy := storetest.NewProxy(t, first.DB.DSN)
	e := newElection(t, first.DB.DSN)
	e.cfg = cfg
	e.campaign(t, "one", 0)
	require.Equal(t, "one", e.leader(t))
	first.Exec(t, "SET GLOBAL read_only = 1")
	require.Equal(t, "one", <-e.ended)
	proxy.Redirect(t, second.DB.DSN)
	require.Equal(t, "one", e.leader(t))
	var leads bool
	require.NoError(t, second.DB.SQL.Get(&leads, "SELECT IS_USED_LOCK(?) IS NOT NULL", (&wpdb.DB{Config: e.cfg}).LockName("dispatch")))
	assert.True(t, leads, "on the new primary")
}

func TestReplicasKeepTryingWhenTheServerRestarts(t *testing.T) {
	t.Parallel()
	server, err := mariadbd.Start(t.Context(), mariadbd.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	e := newElection(t, server.AdminDSN(""))
	stops := []func() error{e.campaign(t, "one", 0), e.campaign(t, "two", 0)}
	e.leader(t)
	require.NoError(t, server.Kill())
	<-e.ended // the leader stops although the server does not respond
	require.NoError(t, server.Start(t.Context()))
	e.leader(t)
	for _, stop := range stops {
		require.ErrorIs(t, stop(), context.Canceled)
	}
	e.requireNoOverlap(t, 2)
}
