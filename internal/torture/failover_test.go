package torture

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/servicetest"
)

// A database server that has become a replica rejects writes. The service still
// serves reads, responds to writes with 503, and recovers without a restart.
func TestFailoverToReadOnlyServer(t *testing.T) {
	t.Parallel()
	db, server := newDatabase(t, durableServer())
	receiver := servicetest.NewReceiver(t)
	v := servicetest.NewViewer(t, db, 1)
	s := servicetest.Start(t, servicetest.Settings(db.DSN, receiver.URL)).Ready(t)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
	receiver.WaitFor(t, "1", "entered")
	r := &rig{TB: t, base: db, db: db.SQL, server: server}

	r.execWhenPossible(t.Context(), "SET GLOBAL read_only = 1")
	for range 3 {
		for route, body := range map[string]string{
			"/progress": `{"webinar_id":"intro","position_sec":1}`, "/enter": `{"webinar_id":"pro"}`,
			"/register": `{"webinar_id":"intro","source":"mail"}`, "/cta": `{"webinar_id":"intro"}`,
		} {
			rejected := v.Must(t, s, 503, route, body)
			assert.Equal(t, "autowebinar_unavailable", rejected.Body["code"], route)
			assert.NotEmpty(t, rejected.Header.Get("Retry-After"), route)
		}
		v.Must(t, s, 200, "/session?webinar_id=intro", "")
		for _, id := range r.connections(t.Context(), db.SQL) {
			_, _ = db.SQL.Exec(fmt.Sprint("KILL ", id)) // it may be closed already
		}
	}

	r.execWhenPossible(t.Context(), "SET GLOBAL read_only = 0")
	require.Eventually(t, func() bool {
		res, err := v.Send(s, "/exit", `{"webinar_id":"intro"}`)
		return err == nil && res.Status == http.StatusOK
	}, time.Minute, 50*time.Millisecond)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"pro"}`)
	receiver.WaitFor(t, "1", "entered", "left", "entered")
	s.Ready(t)
}
