package torture

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/failpoint"
	"autowebinar/internal/servicetest"
)

// mutation is a way to break a promise, with the fault in which it shows, and the
// failures that the checker must count.
type mutation struct {
	failpoint failpoint.Name
	config    rigConfig
	inject    func(ctx context.Context, r *rig) bool // nil if it shows without a fault
	detected  func(v *result) int
}

func mutations() []mutation {
	crowded := rigConfig{replicas: 2, viewers: 6, clients: 4, pause: 5 * time.Millisecond}
	return []mutation{
		{failpoint.SkipOutbox, rigConfig{}, nil, func(v *result) int { return v.lost }},
		{failpoint.LoseParkedRow, rigConfig{}, nil, func(v *result) int { return v.wrongResponses + v.wrongRows }},
		{failpoint.AckBeforeCommit, rigConfig{}, failCommits, func(v *result) int { return v.wrongResponses + v.wrongRows + v.lost }},
		{failpoint.SkipRowLocks, crowded, delayStatements, func(v *result) int { return v.wrongResponses + v.wrongRows }},
		{failpoint.LeadWithoutLock, rigConfig{replicas: 2}, respondVerySlowly, func(v *result) int { return v.overlapped }},
		{failpoint.LeadOnce, rigConfig{}, killConnectionsRepeatedly, func(v *result) int { return v.stuck }},
		{failpoint.NewestFirst, rigConfig{}, failHalfTheTime, func(v *result) int { return v.outOfOrder }},
		{failpoint.AcceptServerErrors, rigConfig{}, failHalfTheTime, func(v *result) int { return v.lost }},
		{failpoint.NewWebhookID, rigConfig{}, failHalfTheTime, func(v *result) int { return v.duplicated }},
		{failpoint.AttemptTime, rigConfig{}, failHalfTheTime, func(v *result) int { return v.altered }},
		{failpoint.LoseExit, rigConfig{frequent: exit}, nil, func(v *result) int { return v.wrongRows }},
		{failpoint.EvaluateAbsent, rigConfig{frequent: attendance}, nil, func(v *result) int { return v.altered }},
		{failpoint.SwapEvaluations, rigConfig{frequent: attendance}, failHalfTheTime, func(v *result) int { return v.outOfOrder }},
		{failpoint.AckLostForms, rigConfig{frequent: form}, failHalfTheTime, func(v *result) int { return v.lost }},
	}
}

func TestCheckerDetectsMutations(t *testing.T) {
	t.Parallel()
	var tested []failpoint.Name
	none := mutation{"no failpoint", rigConfig{replicas: 2}, failHalfTheTime, nil}
	for _, m := range append(mutations(), none) {
		if m.detected != nil {
			tested = append(tested, m.failpoint)
		}
		t.Run(string(m.failpoint), func(t *testing.T) {
			t.Parallel()
			config := m.config
			config.binary, config.appliedOnce = servicetest.BuildWithFailpoints(t), true
			config.settings = map[string]string{failpoint.Env: string(m.failpoint)}
			if m.detected != nil {
				config.recovery = 5 * time.Second // lost events never arrive
			}
			r := newRig(t, 1, config)
			var inject func(ctx context.Context)
			if m.inject != nil {
				inject = r.injectRepeatedly(func() fault { return fault{name: string(m.failpoint), inject: m.inject} })
			}
			enough := func() bool {
				return r.acknowledged.Load() >= 250 && (m.failpoint != failpoint.LeadWithoutLock || r.receiver.overlapCount() > 0)
			}
			v := r.runScenario(shortRun, enough, inject)
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
	assert.ElementsMatch(t, failpoint.All(), tested)
}

// failHalfTheTime lets the receiver respond with 500 half of the time.
func failHalfTheTime(ctx context.Context, r *rig) bool {
	arrived := r.respondFor(ctx, status(http.StatusInternalServerError), 500*time.Millisecond, 800*time.Millisecond)
	r.pause(ctx, 300*time.Millisecond, 500*time.Millisecond)
	return arrived
}

// respondVerySlowly lets every delivery take two seconds, so that overlapping ones are
// noticed.
func respondVerySlowly(ctx context.Context, r *rig) bool {
	defer r.receiver.respondWith(func(http.ResponseWriter, *http.Request) { time.Sleep(2 * time.Second) })()
	<-ctx.Done()
	return true
}

// failCommits lets every third COMMIT fail on the server.
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

// delayStatements delays every statement.
func delayStatements(ctx context.Context, r *rig) bool {
	for _, p := range r.replicas {
		defer p.proxy.Delay(5 * time.Millisecond)()
	}
	<-ctx.Done()
	return true
}
