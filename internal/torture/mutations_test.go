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

// mutation is a failpoint, the fault under which it violates a guarantee, and the
// failures that the checker must count.
type mutation struct {
	failpoint failpoint.Name
	config    rigConfig
	inject    func(ctx context.Context, r *rig) bool // nil if no fault is needed
	detected  func(v *result) int
}

func mutations() []mutation {
	manyClients := rigConfig{replicas: 2, viewers: 6, clients: 4, pause: 5 * time.Millisecond}
	return []mutation{
		{failpoint.SkipOutbox, rigConfig{}, nil, func(res *result) int { return res.lost }},
		{failpoint.LoseParkedRow, rigConfig{}, nil, func(res *result) int { return res.wrongResponses + res.wrongRows }},
		{failpoint.AckBeforeCommit, rigConfig{}, failCommits, func(res *result) int { return res.wrongResponses + res.wrongRows + res.lost }},
		{failpoint.SkipRowLocks, manyClients, delayStatements, func(res *result) int { return res.wrongResponses + res.wrongRows }},
		{failpoint.LeadWithoutLock, rigConfig{replicas: 2}, respondVerySlowly, func(res *result) int { return res.overlapped }},
		{failpoint.LeadOnce, rigConfig{}, killConnectionsRepeatedly, func(res *result) int { return res.stuck }},
		{failpoint.NewestFirst, rigConfig{}, failHalfTheTime, func(res *result) int { return res.outOfOrder }},
		{failpoint.AcceptServerErrors, rigConfig{}, failHalfTheTime, func(res *result) int { return res.lost }},
		{failpoint.NewWebhookID, rigConfig{}, failHalfTheTime, func(res *result) int { return res.duplicated }},
		{failpoint.AttemptTime, rigConfig{}, failHalfTheTime, func(res *result) int { return res.altered }},
		{failpoint.LoseExit, rigConfig{frequent: exit}, nil, func(res *result) int { return res.wrongRows }},
		{failpoint.EvaluateAbsent, rigConfig{frequent: attendance}, nil, func(res *result) int { return res.altered }},
		{failpoint.SwapEvaluations, rigConfig{frequent: attendance}, failHalfTheTime, func(res *result) int { return res.outOfOrder }},
		{failpoint.AckLostForms, rigConfig{frequent: form}, failHalfTheTime, func(res *result) int { return res.lost }},
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
			minAcknowledged := int64(250)
			if m.config.frequent != "" {
				minAcknowledged = 500 // enough to complete a webinar before one of the frequent requests
			}
			complete := func() bool {
				return r.acknowledged.Load() >= minAcknowledged && (m.failpoint != failpoint.LeadWithoutLock || r.receiver.overlapCount() > 0)
			}
			res := r.runScenario(shortRun, complete, inject)
			t.Logf("%s", res)
			if m.detected == nil {
				assert.False(t, res.failed(), res.firstFailures())
				return
			}
			assert.True(t, res.failed())
			assert.Positive(t, m.detected(res), res.firstFailures())
			assert.NotEmpty(t, res.failures)
		})
	}
	assert.ElementsMatch(t, failpoint.All(), tested)
}

// failHalfTheTime makes the receiver respond with 500 about half of the time.
func failHalfTheTime(ctx context.Context, r *rig) bool {
	arrived := r.respondFor(ctx, status(http.StatusInternalServerError), 500*time.Millisecond, 800*time.Millisecond)
	r.pause(ctx, 300*time.Millisecond, 500*time.Millisecond)
	return arrived
}

// respondVerySlowly makes every delivery take two seconds, so that overlapping ones are
// detected.
func respondVerySlowly(ctx context.Context, r *rig) bool {
	defer r.receiver.respondWith(func(http.ResponseWriter, *http.Request) { time.Sleep(2 * time.Second) })()
	<-ctx.Done()
	return true
}

// failCommits makes every third COMMIT fail.
func failCommits(ctx context.Context, r *rig) bool {
	rule := func(statement string) *servicetest.Reply {
		if statement == "COMMIT" && r.random(3) == 0 {
			return &servicetest.Reply{Number: 1180, Message: "Got error 28 during COMMIT", Close: true}
		}
		return nil
	}
	for _, rep := range r.replicas {
		defer rep.proxy.AddRule(rule)()
	}
	<-ctx.Done()
	return true
}

// delayStatements delays every statement.
func delayStatements(ctx context.Context, r *rig) bool {
	for _, rep := range r.replicas {
		defer rep.proxy.Delay(5 * time.Millisecond)()
	}
	<-ctx.Done()
	return true
}
