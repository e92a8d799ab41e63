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
	name     string
	config   rigConfig
	inject   func(ctx context.Context, r *rig) bool // nil: it shows by itself
	detected func(v *result) int
}

func mutations() []mutation {
	crowded := rigConfig{replicas: 2, viewers: 6, clients: 4, pause: 5 * time.Millisecond}
	return []mutation{
		{"skips the outbox", rigConfig{}, nil, func(v *result) int { return v.lost }},
		{"loses a row when it sets aside", rigConfig{}, nil, func(v *result) int { return v.wrongResponses + v.wrongRows }},
		{"acknowledges before the commit", rigConfig{}, failCommits, func(v *result) int { return v.wrongResponses + v.wrongRows + v.lost }},
		{"writes without the lock", crowded, delayStatements, func(v *result) int { return v.wrongResponses + v.wrongRows }},
		{"leads without being chosen", rigConfig{replicas: 2}, respondVerySlowly, func(v *result) int { return v.overlapped }},
		{"leads but once", rigConfig{}, killConnectionsRepeatedly, func(v *result) int { return v.stuck }},
		{"delivers the newest first", rigConfig{}, failHalfTheTime, func(v *result) int { return v.outOfOrder }},
		{"drops what was answered with 500", rigConfig{}, failHalfTheTime, func(v *result) int { return v.lost }},
		{"gives every attempt an id of its own", rigConfig{}, failHalfTheTime, func(v *result) int { return v.duplicated }},
		{"tells the time of the attempt", rigConfig{}, failHalfTheTime, func(v *result) int { return v.altered }},
		{"forgets who has left", rigConfig{frequent: exit}, nil, func(v *result) int { return v.wrongRows }},
		{"evaluates everybody as absent", rigConfig{frequent: attendance}, nil, func(v *result) int { return v.altered }},
		{"delivers the evaluations crosswise", rigConfig{frequent: attendance}, failHalfTheTime, func(v *result) int { return v.outOfOrder }},
		{"acknowledges forms that nobody has", rigConfig{frequent: form}, failHalfTheTime, func(v *result) int { return v.lost }},
	}
}

// A checker that cannot fail is worthless.
func TestTheCheckerCatchesMutations(t *testing.T) {
	t.Parallel()
	binary := buildMutants(t)
	asleep := mutation{"none of them", rigConfig{replicas: 2}, failHalfTheTime, nil}
	for _, m := range append(mutations(), asleep) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			n := m.config
			n.binary, n.appliedOnce = binary, true
			if m.detected != nil { // what is lost is not worth waiting for
				n.recovery = 5 * time.Second
			}
			n.settings = maps.Clone(n.settings)
			if n.settings == nil {
				n.settings = map[string]string{}
			}
			n.settings[mutantEnv] = m.name
			r := newRig(t, 1, n)
			var goWrong func(ctx context.Context)
			if m.inject != nil {
				goWrong = r.injectRepeatedly(func() fault { return fault{name: m.name, inject: m.inject} })
			}
			v := r.runScenario(shortRun, func() bool { return r.acknowledged.Load() >= 250 }, goWrong)
			t.Logf("%s", v)
			if m.detected == nil {
				assert.False(t, v.failed(), v.firstFailures())
				return
			}
			assert.True(t, v.failed())
			assert.Positive(t, m.detected(v), v.firstFailures())
			assert.NotEmpty(t, v.failures)
		})
	}
}

// sinkFails answers 500 half of the time.
func failHalfTheTime(ctx context.Context, r *rig) bool {
	came := r.respondFor(ctx, status(http.StatusInternalServerError), 500*time.Millisecond, 800*time.Millisecond)
	r.pause(ctx, 300*time.Millisecond, 500*time.Millisecond)
	return came
}

// lazySink takes a while, so that two who send at once are seen.
func respondVerySlowly(ctx context.Context, r *rig) bool {
	defer r.receiver.respondWith(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })()
	<-ctx.Done()
	return true
}

// commitsFail lets every third COMMIT fail on the server.
func failCommits(ctx context.Context, r *rig) bool {
	rule := func(statement string) *servicetest.Reply {
		if statement == "COMMIT" && r.random(3) == 0 {
			return &servicetest.Reply{Number: 1180, Message: "Got error 28 during COMMIT", Close: true}
		}
		return nil
	}
	for _, p := range r.replicas {
		defer p.proxy.AddRule(rule)()
	}
	<-ctx.Done()
	return true
}

// farDatabase makes every statement take some time.
func delayStatements(ctx context.Context, r *rig) bool {
	for _, p := range r.replicas {
		defer p.proxy.Delay(5 * time.Millisecond)()
	}
	<-ctx.Done()
	return true
}
