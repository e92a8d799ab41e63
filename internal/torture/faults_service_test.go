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
		{name: "a replica is killed", needs: needs{replicas: 2, calm: true}, inject: killOne},
		{name: "the leader is killed", needs: needs{replicas: 3, calm: true}, inject: killLeader},
		{name: "the leader's network falls silent", needs: needs{replicas: 3}, inject: silenceLeader},
		{name: "the service is stopped", needs: needs{calm: true}, inject: stopOne},
		{name: "the replicas are replaced one after another", needs: needs{replicas: 2, calm: true}, inject: roll},
	}
}

// killOne ends a replica as a power cut does, and starts it again.
func killOne(ctx context.Context, r *rig) bool {
	p := r.one()
	p.kill()
	r.pause(ctx, 0, 200*time.Millisecond)
	p.start()
	return true
}

// killLeader ends whoever sends, and waits until somebody else does.
func killLeader(ctx context.Context, r *rig) bool {
	p := r.leader(ctx)
	if p == nil {
		return false
	}
	p.kill()
	next := r.leader(ctx)
	p.start()
	return next != nil
}

// silenceLeader takes the packets of the leader's database away, without a FIN,
// while the sink is slow, so that its sends are in flight. Somebody else leads
// before it hears anything again.
func silenceLeader(ctx context.Context, r *rig) bool {
	// The server frees the lock of a leader that it has not heard of for 2 s. What
	// goes wrong beside it takes its time.
	const limit = 30 * time.Second
	p := r.leader(ctx)
	if p == nil {
		return false
	}
	defer r.sink.behaves(slowly(r))()
	r.pause(ctx, 0, 300*time.Millisecond)
	defer p.wire.Drop()()
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if !r.until(waiting, func() bool { other := r.leads(); return other != nil && other != p }) {
		r.Errorf("nobody else leads %s after the leader has fallen silent", limit)
	}
	return true
}

// slowly is a sink that takes its time, now and then more than a leader has.
func slowly(r *rig) behaviour {
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
func stopOne(_ context.Context, r *rig) bool {
	r.stop(r.one())
	return true
}

// stop ends a replica in order, in the middle of its work, and starts it again.
func (r *rig) stop(p *replica) {
	assert.Less(r, p.service.Load().Stop(r), 10*time.Second, "what container engines give")
	p.start()
}

// roll replaces every replica by a new one, which must be ready before the next.
func roll(ctx context.Context, r *rig) (replaced bool) {
	for _, p := range r.replicas {
		if ctx.Err() != nil {
			return false
		}
		r.stop(p)
		replaced = r.until(ctx, func() bool { return p.service.Load().Readiness() == http.StatusOK })
	}
	return replaced
}

// leader waits until a replica sends events; nil: ctx ended first.
func (r *rig) leader(ctx context.Context) (p *replica) {
	r.until(ctx, func() bool { p = r.leads(); return p != nil })
	return p
}

// leads is the replica that says that it sends events, if any does.
func (r *rig) leads() *replica {
	said := make([]bool, len(r.replicas))
	var wg sync.WaitGroup
	for i, p := range r.replicas {
		wg.Go(func() { said[i] = leading(p.service.Load()) })
	}
	wg.Wait()
	for i, p := range r.replicas {
		if said[i] {
			return p
		}
	}
	return nil
}

func leading(s *servicetest.Service) bool {
	client := http.Client{Timeout: 3 * time.Second}
	res, err := client.Get(s.Admin + "/readyz")
	if err != nil {
		return false
	}
	defer res.Body.Close()
	var report struct{ Info map[string]string }
	return json.NewDecoder(res.Body).Decode(&report) == nil && strings.HasPrefix(report.Info["dispatcher"], "leads")
}
