package torture

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/servicetest"
)

// Viewers whose requests go to any of three replicas have one row of each key, and
// each event once.
func TestReplicas(t *testing.T) {
	t.Parallel()
	r := newRig(t, seedFor(t), rigConfig{replicas: 3, viewers: 8, clients: 3, pause: 20 * time.Millisecond, appliedOnce: true})
	r.requireUndisturbedPass(r.runScenario(shortRun, nil, nil))
}

// Another replica delivers within five seconds of the leader's end, even if the
// leader's packets are lost. On a busy machine most of the tries must be in time.
func TestLeaderIsReplacedInTime(t *testing.T) {
	for name, test := range map[string]struct{ end, restore func(leader *replica) }{
		"the leader is killed":          {(*replica).kill, (*replica).start},
		"the leader's packets are lost": {func(rep *replica) { rep.proxy.Drop() }, func(rep *replica) { rep.proxy.Clear() }},
	} {
		t.Run(name, func(t *testing.T) {
			const limit = 5 * time.Second
			r := newRig(t, 1, rigConfig{replicas: 3, viewers: maxTries})
			group := newViewerGroup(r)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			servicetest.MajorityPass(t, maxTries, func(try int) (good, counts bool) {
				leader := r.waitLeader(ctx)
				require.NotNil(t, leader)
				others := slices.DeleteFunc(slices.Clone(r.replicas), func(rep *replica) bool { return rep == leader })
				test.end(leader)
				ended := time.Now()
				group.clients[try].mustSend(others[0], request{route: register, webinar: "talk"})
				require.True(t, r.waitUntil(ctx, func() bool { return r.receiver.acceptedCount() == try+1 }), "no other replica delivers")
				took := time.Since(ended)
				t.Logf("from the end of the leader to the receiver: %s", took)
				test.restore(leader)
				leader.service.Load().Ready(t)
				return took < limit, true
			})
		})
	}
}

// The receiver gets an event within half a second after any replica has written it.
// On a busy machine most of the tries must be in time.
func TestDeliveryIsQuick(t *testing.T) {
	const viewers, limit = 30, 500 * time.Millisecond
	r := newRig(t, 1, rigConfig{replicas: 3, viewers: maxTries * viewers})
	group := newViewerGroup(r)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NotNil(t, r.waitLeader(ctx))
	servicetest.MajorityPass(t, maxTries, func(try int) (good, counts bool) {
		if try > 0 {
			time.Sleep(time.Second) // other work on the machine comes in bursts
		}
		p99 := r.latency(t, group.clients, try*viewers, viewers)
		t.Logf("from the response to the receiver: p99 %s", p99)
		return p99 <= limit, true
	})
}

const maxTries = 5

// latency returns the 99th percentile of the time from the response to an entry to
// its event at the receiver.
func (r *rig) latency(t *testing.T, clients []*client, from, n int) time.Duration {
	t.Helper()
	respondedAt := map[uint64]time.Time{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, client := range clients {
		if client.login.ID <= uint64(from) || client.login.ID > uint64(from+n) {
			continue
		}
		wg.Go(func() {
			client.mustSend(r.anyReplica(), request{route: enter, webinar: "intro"})
			mu.Lock()
			defer mu.Unlock()
			respondedAt[client.login.ID] = time.Now()
		})
		time.Sleep(5 * time.Millisecond)
	}
	wg.Wait()
	require.Len(t, respondedAt, n)
	r.waitDrained()
	var took []time.Duration
	r.receiver.mu.Lock()
	defer r.receiver.mu.Unlock()
	for _, got := range r.receiver.byID {
		if at, sent := respondedAt[got.user]; sent {
			took = append(took, got.arrived.Sub(at))
		}
	}
	require.Len(t, took, n)
	slices.Sort(took)
	return took[len(took)*99/100]
}
