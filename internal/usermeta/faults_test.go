package usermeta_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/storetest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// throughProxy is a store with one connection, which passes a proxy.
func (f fixture) throughProxy(t testing.TB) (*usermeta.Store, *storetest.Proxy) {
	t.Helper()
	cfg, proxy := storetest.NewProxy(t, f.DB.DSN)
	cfg.MaxConnections = 1
	store := usermeta.New(storetest.Open(t, cfg), usermeta.Options{})
	store.SetReady()
	_, _, err := store.Read(t.Context(), 1) // opens the connection
	require.NoError(t, err)
	proxy.Statements()
	return store, proxy
}

func TestReportTakesAtMostFourRoundTrips(t *testing.T) {
	t.Parallel()
	f := setup(t)
	store, proxy := f.throughProxy(t)
	for _, step := range []struct {
		name string
		rule webinar.Command
		most int
	}{
		{"first entry", storetest.Enter("a", "s1"), 11}, // tried without the named lock, then with it
		{"first report", storetest.Progress("a", 10), 4},
		{"steady report", storetest.Progress("a", 20), 4},
		{"report with events", storetest.Progress("a", 1000), 4},
		{"entry into another", storetest.Enter("b", "s2"), 4},
		{"report of a parked session", storetest.Progress("a", 30), 4},
	} {
		_, err := store.Change(t.Context(), 1, step.rule)
		require.NoError(t, err)
		seen := proxy.Statements()
		assert.LessOrEqual(t, len(seen), step.most, "%s: %s", step.name, strings.Join(seen, "\n"))
	}
	_, _, err := store.Read(t.Context(), 1)
	require.NoError(t, err)
	assert.Len(t, proxy.Statements(), 1, "reading")
}

// If the connection breaks at any point, the change is stored once and
// acknowledged.
func TestBrokenConnectionIsRetried(t *testing.T) {
	t.Parallel()
	for _, breaks := range []storetest.Fault{storetest.BreakBeforeServer, storetest.BreakBeforeClient} {
		for _, word := range []string{"START TRANSACTION", "SELECT m.umeta_id", "SELECT GET_LOCK", "INSERT INTO", "COMMIT", "DO RELEASE_LOCK"} {
			t.Run(fmt.Sprintf("%s %d", word, breaks), func(t *testing.T) {
				t.Parallel()
				f := setup(t)
				store, proxy := f.throughProxy(t)
				var hits atomic.Int64
				proxy.SetFault(func(statement string) storetest.Fault {
					if strings.HasPrefix(statement, word) && hits.Add(1) == 1 {
						return breaks
					}
					return storetest.Pass
				})
				for i, rule := range []webinar.Command{storetest.Enter("a", "s1"), storetest.Progress("a", 400), storetest.Exit("a")} {
					if word != "SELECT GET_LOCK" && word != "DO RELEASE_LOCK" {
						hits.Store(0) // once in each change
					}
					_, err := store.Change(t.Context(), 1, rule)
					require.NoError(t, err, i)
					assert.NotZero(t, hits.Load())
				}
				rows := f.Rows(t, 1)
				assert.Equal(t, "client_webinar_entered client_webinar_left", rows["outbox"], "each event once")
				assert.Equal(t, "400", rows["last_position_sec"])
				for key, value := range rows {
					if key != "outbox" {
						assert.NotContains(t, value, " ", "one row of %s", key)
					}
				}
			})
		}
	}
}

// kill closes all connections of the service on the server.
func (f fixture) kill(t testing.TB) {
	t.Helper()
	for _, id := range f.connections(t) {
		_, _ = f.DB.SQL.ExecContext(t.Context(), fmt.Sprintf("KILL %d", id)) // the connection may be closed already
	}
}

func (f fixture) connections(t testing.TB) (ids []uint64) {
	t.Helper()
	var processes []struct {
		ID   uint64 `db:"Id"`
		User string `db:"User"`
	}
	require.NoError(t, f.DB.SQL.Unsafe().Select(&processes, "SHOW PROCESSLIST"))
	for _, process := range processes {
		if process.User == f.DB.Name {
			ids = append(ids, process.ID)
		}
	}
	return ids
}

func TestChangeIsRetriedWhenItsConnectionIsKilled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	for position := int64(10); position <= 200; position += 10 {
		attempts := 0
		_, err := f.Store.Change(t.Context(), 1, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			if attempts++; attempts == 1 {
				f.kill(t)
			}
			return storetest.Progress("a", position)(v, now)
		})
		require.NoError(t, err)
		assert.Equal(t, 2, attempts)
	}
	assert.Equal(t, "200", f.Rows(t, 1)["last_position_sec"])
}
