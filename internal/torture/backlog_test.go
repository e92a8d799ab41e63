package torture

import (
	"autowebinar/internal/webinar"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// While the sink is down several times as many events come to wait as a
// dispatcher reads at once. Then the leader is killed, and what waits is for
// another to deliver.
func TestABacklogOutlivesItsLeader(t *testing.T) {
	t.Parallel()
	const people, atOnce = 300, 10
	r := newRig(t, seedFor(t), rigConfig{replicas: 3, viewers: people, clients: 1, appliedOnce: true})
	c := newCrowd(r)
	before := r.base.Checksum(t)
	mend := r.receiver.respondWith(status(http.StatusServiceUnavailable))
	deeds := []request{{route: register, webinar: "intro"}, {route: enter, webinar: "intro"}, {route: exit, webinar: "intro", reason: webinar.UserExit}}
	var wg sync.WaitGroup
	for part := range slices.Chunk(c.clients, people/atOnce) {
		wg.Go(func() {
			for _, d := range part {
				for _, w := range deeds {
					assert.NotNil(t, d.send(w, 0))
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, people*len(deeds), r.queueLength())

	leader := r.waitLeader(t.Context())
	require.NotNil(t, leader)
	leader.kill()
	require.NotNil(t, r.waitLeader(t.Context()))
	leader.start()
	mend()
	require.Empty(t, r.drainAndStop())
	v := r.check(c, before)
	r.requirePass(v)
	assert.Equal(t, people*len(deeds), v.events)
}
