package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

func TestConcurrentFirstEnterCreatesOneSession(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	v := servicetest.NewViewer(t, db, 1)
	v.Client.Timeout = 2 * time.Minute // checking 200 responses against the contract is slow
	env := servicetest.Settings(db.DSN, receiver.URL)
	replicas := []*servicetest.Service{servicetest.Start(t, env).Ready(t), servicetest.Start(t, env).Ready(t)}

	var wg sync.WaitGroup
	responses := make(chan servicetest.Response, 200)
	for i := range cap(responses) {
		wg.Go(func() {
			res, err := v.Send(replicas[i%2], "/enter", `{"webinar_id":"intro"}`)
			assert.NoError(t, err)
			responses <- res
		})
	}
	wg.Wait()
	close(responses)
	created, sessions := 0, map[any]bool{}
	for res := range responses {
		assert.Contains(t, []int{200, 201}, res.Status, "%v", res.Body)
		if res.Status == 201 {
			created++
		}
		sessions[res.Body["session_id"]] = true
	}
	assert.Equal(t, 1, created)
	assert.Len(t, sessions, 1)
	for key, values := range db.Meta(t, v.ID) {
		assert.Len(t, values, 1, key)
	}
	receiver.WaitFor(t, "1", "entered")
}

func TestEventsOfEveryReplicaAreDelivered(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	a, b := servicetest.NewViewer(t, db, 1), servicetest.NewViewer(t, db, 2)
	env := servicetest.Settings(db.DSN, receiver.URL)
	first := servicetest.Start(t, env).Ready(t)
	second := servicetest.Start(t, env).Ready(t)
	a.Must(t, first, 201, "/enter", `{"webinar_id":"intro"}`)
	b.Must(t, second, 201, "/enter", `{"webinar_id":"intro"}`)
	receiver.WaitFor(t, "1", "entered")
	receiver.WaitFor(t, "2", "entered")

	// The leader is killed. The other replica becomes the leader and delivers the
	// events that are written meanwhile.
	leader, other := first, second
	if scrapeMetrics(t, first)["dispatcher_leader"] != 1 {
		leader, other = second, first
	}
	leader.Kill()
	a.Must(t, other, 200, "/exit", `{"webinar_id":"intro"}`)
	receiver.WaitFor(t, "1", "entered", "left")
}

func TestShutdownIsQuickAndLosesNoEvent(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	v := servicetest.NewViewer(t, db, 1)
	env := servicetest.Settings(db.DSN, receiver.URL)
	receiver.SetDown(true)
	s := servicetest.Start(t, env).Ready(t)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
	v.Must(t, s, 200, "/exit", `{"webinar_id":"intro"}`)
	for try := 1; !checkShutdownDelay(t, s, v); try++ {
		require.Less(t, try, 5, "every request came after the shutdown delay")
		s = servicetest.Start(t, env).Ready(t)
	}

	receiver.SetDown(false)
	servicetest.Start(t, env)
	receiver.WaitFor(t, "1", "entered", "left")
}

// checkShutdownDelay stops a service and checks that it serves requests while
// it already reports to load balancers that it is not ready. It returns false
// if the requests of the check came after the shutdown delay, so that the check
// is inconclusive.
func checkShutdownDelay(t *testing.T, s *servicetest.Service, v servicetest.Viewer) (conclusive bool) {
	t.Helper()
	const delay = time.Second
	stopped := make(chan time.Duration, 1)
	start := time.Now()
	late := func() bool { return time.Since(start) > delay }
	go func() {
		defer close(stopped)
		stopped <- s.Stop(t)
	}()
	status := http.StatusOK
	for ; status == http.StatusOK && !late(); time.Sleep(time.Millisecond) {
		status = s.Readiness()
	}
	conclusive = status == http.StatusServiceUnavailable || !late()
	res, err := v.Send(s, "/session?webinar_id=intro", "")
	conclusive = conclusive && (err == nil || !late())
	assert.Less(t, <-stopped, 10*time.Second)
	if err == nil {
		assert.Equal(t, http.StatusOK, res.Status, "%v", res.Body)
	}
	if conclusive {
		assert.Equal(t, http.StatusServiceUnavailable, status, "readiness")
		assert.NoError(t, err)
	}
	return conclusive
}
