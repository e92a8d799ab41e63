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

func nothing(ctx context.Context, _ *rig) { <-ctx.Done() }

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
func killOne(ctx context.Context, r *rig) {
	p := r.one()
	p.kill()
	r.pause(ctx, 0, 200*time.Millisecond)
	p.start()
}

// killLeader ends whoever sends, and waits until somebody else does.
func killLeader(ctx context.Context, r *rig) {
	p := r.leader(ctx)
	if p == nil {
		return
	}
	p.kill()
	r.leader(ctx)
	p.start()
}

// silenceLeader takes the packets of the leader's database away, without a FIN,
// while the sink is slow, so that its sends are in flight. Somebody else leads
// before it hears anything again.
func silenceLeader(ctx context.Context, r *rig) {
	p := r.leader(ctx)
	if p == nil {
		return
	}
	r.sink.behaves(slowly(r))
	defer r.sink.behaves(nil)
	r.pause(ctx, 0, 300*time.Millisecond)
	p.wire.Drop()
	defer p.wire.Mend()
	// The server frees the lock of a leader that it has not heard of for 3 s.
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	r.until(waiting, func() bool { other := r.leads(); return other != nil && other != p })
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
func stopOne(ctx context.Context, r *rig) {
	r.stop(r.one())
}

// stop ends a replica in order, in the middle of its work, and starts it again.
func (r *rig) stop(p *replica) {
	assert.Less(r, p.service.Load().Stop(r), 10*time.Second, "what container engines give")
	p.start()
}

// roll replaces every replica by a new one, which must be ready before the next.
func roll(ctx context.Context, r *rig) {
	for _, p := range r.replicas {
		if ctx.Err() != nil {
			return
		}
		r.stop(p)
		r.until(ctx, func() bool { return p.service.Load().Readiness() == http.StatusOK })
	}
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
