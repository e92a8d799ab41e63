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
	r := newRig(t, seedOf(t), needs{replicas: 3, people: people, devices: 1, calm: true})
	c := newCrowd(r)
	before := r.base.Checksum(t)
	mend := r.sink.behaves(status(http.StatusServiceUnavailable))
	deeds := []wish{{deed: register, webinar: "intro"}, {deed: enter, webinar: "intro"}, {deed: exit, webinar: "intro", reason: webinar.UserExit}}
	var wg sync.WaitGroup
	for part := range slices.Chunk(c.devices, people/atOnce) {
		wg.Go(func() {
			for _, d := range part {
				for _, w := range deeds {
					assert.NotNil(t, d.try(w, 0))
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, people*len(deeds), r.waiting())

	leader := r.leader(t.Context())
	require.NotNil(t, leader)
	leader.kill()
	require.NotNil(t, r.leader(t.Context()))
	leader.start()
	mend()
	require.Empty(t, r.settle())
	v := r.judge(c, before)
	r.passes(v)
	assert.Equal(t, people*len(deeds), v.events)
}
