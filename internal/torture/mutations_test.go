package torture

import (
	"context"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/servicetest"
)

// mutation is a mutant, what brings out its fault, and the count that must tell.
type mutation struct {
	name   string
	needs  needs
	inject func(ctx context.Context, r *rig) bool // nil: it shows by itself
	told   func(v *verdict) int
}

func mutations() []mutation {
	crowded := needs{replicas: 2, people: 6, devices: 4, pause: 5 * time.Millisecond}
	return []mutation{
		{"skips the outbox", needs{}, nil, func(v *verdict) int { return v.lost }},
		{"loses a row when it sets aside", needs{}, nil, func(v *verdict) int { return v.wrongReply + v.wrongRows }},
		{"acknowledges before the commit", needs{}, commitsFail, func(v *verdict) int { return v.wrongReply + v.wrongRows + v.lost }},
		{"writes without the lock", crowded, farDatabase, func(v *verdict) int { return v.wrongReply + v.wrongRows }},
		{"leads without being chosen", needs{replicas: 2}, lazySink, func(v *verdict) int { return v.overlapped }},
		{"leads but once", needs{}, kills, func(v *verdict) int { return v.stuck }},
		{"delivers the newest first", needs{}, sinkFails, func(v *verdict) int { return v.disordered }},
		{"drops what was answered with 500", needs{}, sinkFails, func(v *verdict) int { return v.lost }},
		{"gives every attempt an id of its own", needs{}, sinkFails, func(v *verdict) int { return v.duplicated }},
		{"tells the time of the attempt", needs{}, sinkFails, func(v *verdict) int { return v.altered }},
		{"forgets who has left", needs{eager: exit}, nil, func(v *verdict) int { return v.wrongRows }},
		{"evaluates everybody as absent", needs{eager: attendance}, nil, func(v *verdict) int { return v.altered }},
		{"delivers the evaluations crosswise", needs{eager: attendance}, sinkFails, func(v *verdict) int { return v.disordered }},
		{"acknowledges forms that nobody has", needs{eager: form}, sinkFails, func(v *verdict) int { return v.lost }},
	}
}

// A checker that cannot fail is worthless.
func TestTheCheckerCatchesMutations(t *testing.T) {
	t.Parallel()
	binary := buildMutants(t)
	asleep := mutation{"none of them", needs{replicas: 2}, sinkFails, nil}
	for _, m := range append(mutations(), asleep) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			n := m.needs
			n.binary, n.calm = binary, true
			if m.told != nil { // what is lost is not worth waiting for
				n.patience = 5 * time.Second
			}
			n.settings = maps.Clone(n.settings)
			if n.settings == nil {
				n.settings = map[string]string{}
			}
			n.settings[mutantEnv] = m.name
			r := newRig(t, 1, n)
			var goWrong func(ctx context.Context)
			if m.inject != nil {
				goWrong = r.injecting(func() fault { return fault{name: m.name, inject: m.inject} })
			}
			v := r.ordeal(short, func() bool { return r.acked.Load() >= 250 }, goWrong)
			t.Logf("%s", v)
			if m.told == nil {
				assert.False(t, v.bad(), v.reasons())
				return
			}
			assert.True(t, v.bad())
			assert.Positive(t, m.told(v), v.reasons())
			assert.NotEmpty(t, v.why)
		})
	}
}

// sinkFails answers 500 half of the time.
func sinkFails(ctx context.Context, r *rig) bool {
	came := r.behaving(ctx, status(http.StatusInternalServerError), 500*time.Millisecond, 800*time.Millisecond)
	r.pause(ctx, 300*time.Millisecond, 500*time.Millisecond)
	return came
}

// lazySink takes a while, so that two who send at once are seen.
func lazySink(ctx context.Context, r *rig) bool {
	defer r.sink.behaves(func(http.ResponseWriter, *http.Request) { time.Sleep(400 * time.Millisecond) })()
	<-ctx.Done()
	return true
}

// commitsFail lets every third COMMIT fail on the server.
func commitsFail(ctx context.Context, r *rig) bool {
	rule := func(statement string) *servicetest.Reply {
		if statement == "COMMIT" && r.random(3) == 0 {
			return &servicetest.Reply{Number: 1180, Message: "Got error 28 during COMMIT", Hangup: true}
		}
		return nil
	}
	for _, p := range r.replicas {
		defer p.wire.SetRule(rule)()
	}
	<-ctx.Done()
	return true
}

// farDatabase makes every statement take some time.
func farDatabase(ctx context.Context, r *rig) bool {
	for _, p := range r.replicas {
		defer p.wire.Delay(5 * time.Millisecond)()
	}
	<-ctx.Done()
	return true
}
