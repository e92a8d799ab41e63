package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

// WordPress goes on writing the rows of viewers who watch: none of its writes
// fails, whether for a lock that is waited for too long or for a deadlock, and
// none of the viewers' does. How long its writes take is measured by `make bench`.
func TestWordPressWritesBesideTheService(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), servicetest.NewSink(t)
	env := servicetest.Settings(db.DSN, sink.URL)
	env["AUTOWEBINAR_RATE_VIEWER"], env["AUTOWEBINAR_MAX_PLAYBACK_RATE"] = "0", "0"
	replicas := []*servicetest.Service{servicetest.Start(t, env).Ready(t), servicetest.Start(t, env).Ready(t)}
	pool, err := sql.Open("mysql", db.DSN)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	neighbour := servicetest.Neighbour{DB: pool, Usermeta: "wp_usermeta"}
	var viewers []servicetest.Viewer
	client := &http.Client{Timeout: 20 * time.Second}
	for id := uint64(1); id <= 16; id++ {
		v := servicetest.NewViewer(t, db, id)
		v.Client = client // checking every answer takes longer than giving it
		viewers = append(viewers, v)
		neighbour.Users = append(neighbour.Users, id)
	}
	populate(t, db)
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var reports, webinars atomic.Int64
	var wg sync.WaitGroup
	for i, v := range viewers {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				// Two webinars in turn, so that rows are renamed as well, and
				// first entries, whose rows do not exist yet.
				route, body, want := "/progress", fmt.Sprintf(`{"webinar_id":%q,"position_sec":%d}`, []string{"intro", "pro"}[n/8%2], n%600), 200
				if n%8 == 0 {
					route = "/enter"
				}
				a, err := v.Send(replicas[(i+n)%2], route, body)
				if !assert.NoError(t, err) || !assert.Contains(t, []int{want, 201}, a.Status, "%v", a.Body) {
					return
				}
				reports.Add(1)
				if a.Status == 201 {
					webinars.Add(1)
				}
			}
		})
	}
	took, errs := neighbour.Work(ctx, 4, 0)
	wg.Wait()
	require.Empty(t, errs)
	assert.EqualValues(t, 2*len(viewers), webinars.Load(), "each viewer entered two webinars, once each")
	require.Greater(t, len(took), 100)
	t.Logf("%d writes of WordPress beside %d requests, the longest took %s", len(took), reports.Load(), took[len(took)-1])
}

// populate adds the rows of a site's other users. With those of a few alone the
// server would find rows by their key and not by their user, and WordPress's own
// writes would deadlock with one another.
func populate(t testing.TB, db *mariadbtest.DB) {
	t.Helper()
	for _, key := range servicetest.NeighbourKeys() {
		var rows []string
		for user := 1; user <= 1000; user++ {
			rows = append(rows, fmt.Sprintf("(%d, '%s', 'x')", user, key))
		}
		_, err := db.SQL.Exec("INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES " + strings.Join(rows, ", "))
		require.NoError(t, err)
	}
	_, err := db.SQL.Exec("ANALYZE TABLE wp_usermeta")
	require.NoError(t, err)
}
