package torture

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

// While the receiver is down, several times as many events are queued as a dispatcher
// reads at once. Then the leader is killed, and another replica delivers them.
func TestNextLeaderDeliversBacklog(t *testing.T) {
	t.Parallel()
	const viewers, concurrent = 300, 10
	r := newRig(t, seedFor(t), rigConfig{replicas: 3, viewers: viewers, clients: 1, appliedOnce: true})
	group := newViewerGroup(r)
	before := r.base.Checksum(t)
	restore := r.receiver.respondWith(status(http.StatusServiceUnavailable))
	requests := []request{{route: register, webinar: "intro"}, {route: enter, webinar: "intro"}, {route: exit, webinar: "intro", reason: webinar.UserExit}}
	var wg sync.WaitGroup
	for part := range slices.Chunk(group.clients, viewers/concurrent) {
		wg.Go(func() {
			for _, client := range part {
				for _, req := range requests {
					client.mustSend(r.anyReplica(), req)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, viewers*len(requests), r.queueLength())

	leader := r.waitLeader(t.Context())
	require.NotNil(t, leader)
	leader.kill()
	require.NotNil(t, r.waitLeader(t.Context()))
	leader.start()
	restore()
	require.Empty(t, r.drainAndStop())
	res := r.check(group, before)
	r.requirePass(res)
	assert.Equal(t, viewers*len(requests), res.events)
}
