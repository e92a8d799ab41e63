package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

func TestManyRequestsOfOneNewViewerOverTwoReplicas(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), newSink(t)
	v := newViewer(t, db, 1)
	env := settings(db, db.DSN, sink.URL)
	replicas := []*service{start(t, env).ready(t), start(t, env).ready(t)}

	var wg sync.WaitGroup
	answers := make(chan answer, 200)
	for i := range cap(answers) {
		wg.Go(func() {
			a, err := v.send(replicas[i%2], "/enter", `{"webinar_id":"intro"}`)
			assert.NoError(t, err)
			answers <- a
		})
	}
	wg.Wait()
	close(answers)
	created, sessions := 0, map[any]bool{}
	for a := range answers {
		assert.Contains(t, []int{200, 201}, a.status, "%v", a.body)
		if a.status == 201 {
			created++
		}
		sessions[a.body["session_id"]] = true
	}
	assert.Equal(t, 1, created)
	assert.Len(t, sessions, 1)
	for key, values := range db.Meta(t, v.id) {
		assert.Len(t, values, 1, key)
	}
	sink.waits(t, "1", "entered")
}

func TestAnEventIsDeliveredWhicheverReplicaWroteIt(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), newSink(t)
	a, b := newViewer(t, db, 1), newViewer(t, db, 2)
	env := settings(db, db.DSN, sink.URL)
	first := start(t, env).ready(t)
	second := start(t, env).ready(t)
	a.must(t, first, 201, "/enter", `{"webinar_id":"intro"}`)
	b.must(t, second, 201, "/enter", `{"webinar_id":"intro"}`)
	sink.waits(t, "1", "entered")
	sink.waits(t, "2", "entered")

	// Whoever leads goes; the other takes over what is written meanwhile.
	leader, other := first, second
	if !strings.Contains(first.log.String(), "term begins") {
		leader, other = second, first
	}
	require.NoError(t, leader.cmd.Process.Kill())
	killed := time.Now()
	a.must(t, other, 200, "/exit", `{"webinar_id":"intro"}`)
	sink.waits(t, "1", "entered", "left")
	assert.Less(t, time.Since(killed), 6*time.Second)
}

func TestTheServiceStopsQuicklyAndLosesNothing(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), newSink(t)
	v := newViewer(t, db, 1)
	env := settings(db, db.DSN, sink.URL)
	sink.setDown(true)
	s := start(t, env).ready(t)
	v.must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
	v.must(t, s, 200, "/exit", `{"webinar_id":"intro"}`)
	stopped := make(chan time.Duration)
	go func() { stopped <- s.stop(t) }()
	require.Eventually(t, func() bool { return s.readiness() == http.StatusServiceUnavailable }, 5*time.Second, time.Millisecond)
	v.must(t, s, 200, "/session?webinar_id=intro", "") // balancers look elsewhere first
	assert.Less(t, <-stopped, 10*time.Second)

	sink.setDown(false)
	start(t, env)
	sink.waits(t, "1", "entered", "left")
}
