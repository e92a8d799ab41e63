package torture

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
)

func serviceFaults() []fault {
	return []fault{
		{name: "a replica is killed", config: rigConfig{replicas: 2, appliedOnce: true}, inject: killReplica},
		{name: "the leader is killed", config: rigConfig{replicas: 3, appliedOnce: true}, inject: killLeader},
		{name: "the leader's packets are lost", config: rigConfig{replicas: 3}, inject: isolateLeader},
		{name: "the service is stopped", config: rigConfig{appliedOnce: true}, inject: stopReplica},
		{name: "the replicas are replaced in turn", config: rigConfig{replicas: 2, appliedOnce: true}, inject: replaceReplicas},
	}
}

// killReplica kills a replica and starts it again.
func killReplica(ctx context.Context, r *rig) bool {
	rep := r.anyReplica()
	rep.kill()
	r.pause(ctx, 0, 200*time.Millisecond)
	rep.start()
	return true
}

// killLeader kills the leader, and waits until another replica is the leader.
func killLeader(ctx context.Context, r *rig) bool {
	rep := r.waitLeader(ctx)
	if rep == nil {
		return false
	}
	rep.kill()
	next := r.waitLeader(ctx)
	rep.start()
	return next != nil
}

// isolateLeader drops the packets between the leader and the database until another
// replica is the leader. The receiver is slow meanwhile, so that deliveries are in flight.
func isolateLeader(ctx context.Context, r *rig) bool {
	// The server releases the lock of a silent leader after 2 s. Other faults at the
	// same time, and a busy machine, delay that.
	const limit = 2 * time.Minute
	rep := r.waitLeader(ctx)
	if rep == nil {
		return false
	}
	defer r.receiver.respondWith(respondSlowly(r))()
	r.pause(ctx, 0, 300*time.Millisecond)
	defer rep.proxy.Drop()()
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if !r.waitUntil(waiting, func() bool { other := r.currentLeader(); return other != nil && other != rep }) {
		r.Errorf("no other replica is the leader %s after the packets of the leader were lost", limit)
	}
	return true
}

// respondSlowly returns a responder that takes up to 50 ms, and sometimes 3 s, which is
// longer than a leader that has lost its lock may send.
func respondSlowly(r *rig) responder {
	return func(_ http.ResponseWriter, request *http.Request) {
		wait := time.Duration(r.random(50)) * time.Millisecond
		if r.random(20) == 0 {
			wait = 3 * time.Second
		}
		select {
		case <-time.After(wait):
		case <-request.Context().Done():
		}
	}
}

// stopReplica stops a replica once an event has been accepted, because a service that
// is stopped too often never becomes the leader.
func stopReplica(ctx context.Context, r *rig) bool {
	waiting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	before := r.receiver.acceptedCount()
	r.waitUntil(waiting, func() bool { return r.receiver.acceptedCount() > before })
	r.stop(r.anyReplica())
	return true
}

// stop stops a replica gracefully and starts it again.
func (r *rig) stop(rep *replica) {
	assert.Less(r, rep.service.Load().Stop(r), 10*time.Second, "the time that container engines allow")
	rep.start()
}

// replaceReplicas restarts one replica after another, each once the previous one is
// ready.
func replaceReplicas(ctx context.Context, r *rig) (replaced bool) {
	for _, rep := range r.replicas {
		if ctx.Err() != nil {
			return false
		}
		r.stop(rep)
		replaced = r.waitUntil(ctx, func() bool { return rep.service.Load().Readiness() == http.StatusOK })
	}
	return replaced
}

// waitLeader waits until a replica is the leader. It returns nil if ctx ends first.
func (r *rig) waitLeader(ctx context.Context) (rep *replica) {
	r.waitUntil(ctx, func() bool { rep = r.currentLeader(); return rep != nil })
	return rep
}

// currentLeader returns a replica whose metric says that it is the leader, or nil.
func (r *rig) currentLeader() *replica {
	leads := make([]bool, len(r.replicas))
	var wg sync.WaitGroup
	for i, rep := range r.replicas {
		wg.Go(func() { leads[i] = rep.metric("autowebinar_dispatcher_leader") == 1 })
	}
	wg.Wait()
	if i := slices.Index(leads, true); i >= 0 {
		return r.replicas[i]
	}
	return nil
}
