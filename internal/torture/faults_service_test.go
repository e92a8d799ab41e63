package torture

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/servicetest"
)

// serviceFaults are what happens to the process of the service.
func serviceFaults() []fault {
	return []fault{
		{name: "a replica is killed", config: rigConfig{replicas: 2, appliedOnce: true}, inject: killReplica},
		{name: "the leader is killed", config: rigConfig{replicas: 3, appliedOnce: true}, inject: killLeader},
		{name: "the leader's network falls silent", config: rigConfig{replicas: 3}, inject: isolateLeader},
		{name: "the service is stopped", config: rigConfig{appliedOnce: true}, inject: stopReplica},
		{name: "the replicas are replaced one after another", config: rigConfig{replicas: 2, appliedOnce: true}, inject: replaceReplicas},
	}
}

// killOne ends a replica as a power cut does, and starts it again.
func killReplica(ctx context.Context, r *rig) bool {
	p := r.anyReplica()
	p.kill()
	r.pause(ctx, 0, 200*time.Millisecond)
	p.start()
	return true
}

// killLeader ends whoever sends, and waits until somebody else does.
func killLeader(ctx context.Context, r *rig) bool {
	p := r.waitLeader(ctx)
	if p == nil {
		return false
	}
	p.kill()
	next := r.waitLeader(ctx)
	p.start()
	return next != nil
}

// silenceLeader takes the packets of the leader's database away, without a FIN,
// while the sink is slow, so that its sends are in flight. Somebody else leads
// before it hears anything again.
func isolateLeader(ctx context.Context, r *rig) bool {
	// The server frees the lock of a leader that it has not heard of for 2 s. What
	// goes wrong beside it takes its time.
	const limit = 30 * time.Second
	p := r.waitLeader(ctx)
	if p == nil {
		return false
	}
	defer r.receiver.respondWith(respondSlowly(r))()
	r.pause(ctx, 0, 300*time.Millisecond)
	defer p.proxy.Drop()()
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if !r.waitUntil(waiting, func() bool { other := r.currentLeader(); return other != nil && other != p }) {
		r.Errorf("nobody else leads %s after the leader has fallen silent", limit)
	}
	return true
}

// slowly is a sink that takes its time, now and then more than a leader has.
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

// stopOne ends a replica as an orchestrator does.
func stopReplica(_ context.Context, r *rig) bool {
	r.stop(r.anyReplica())
	return true
}

// stop ends a replica in order, in the middle of its work, and starts it again.
func (r *rig) stop(p *replica) {
	assert.Less(r, p.service.Load().Stop(r), 10*time.Second, "what container engines give")
	p.start()
}

// roll replaces every replica by a new one, which must be ready before the next.
func replaceReplicas(ctx context.Context, r *rig) (replaced bool) {
	for _, p := range r.replicas {
		if ctx.Err() != nil {
			return false
		}
		r.stop(p)
		replaced = r.waitUntil(ctx, func() bool { return p.service.Load().Readiness() == http.StatusOK })
	}
	return replaced
}

// leader waits until a replica sends events; nil: ctx ended first.
func (r *rig) waitLeader(ctx context.Context) (p *replica) {
	r.waitUntil(ctx, func() bool { p = r.currentLeader(); return p != nil })
	return p
}

// leads is the replica that says that it sends events, if any does.
func (r *rig) currentLeader() *replica {
	said := make([]bool, len(r.replicas))
	var wg sync.WaitGroup
	for i, p := range r.replicas {
		wg.Go(func() { said[i] = isLeading(p.service.Load()) })
	}
	wg.Wait()
	for i, p := range r.replicas {
		if said[i] {
			return p
		}
	}
	return nil
}

func isLeading(s *servicetest.Service) bool {
	client := http.Client{Timeout: 3 * time.Second}
	res, err := client.Get(s.Admin + "/readyz")
	if err != nil {
		return false
	}
	defer res.Body.Close()
	var report struct{ Info map[string]string }
	return json.NewDecoder(res.Body).Decode(&report) == nil && strings.HasPrefix(report.Info["dispatcher"], "leads")
}
