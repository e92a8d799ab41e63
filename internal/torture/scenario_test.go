package torture

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/progresstest"
)

// seedFor returns TORTURE_SEED, or a new seed each time.
func seedFor(t testing.TB) uint64 {
	t.Helper()
	text := os.Getenv("TORTURE_SEED")
	if text == "" {
		return uint64(time.Now().UnixNano())
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, "TORTURE_SEED")
	return seed
}

// runScenario lets a crowd use the service for a while. At the same time inject, if
// it is not nil, injects faults. The run is extended, up to sixty times, until
// enough reports that it has shown what it is for. Then all faults are removed and
// the result is checked.
func (r *rig) runScenario(length time.Duration, enough func() bool, inject func(ctx context.Context)) *result {
	started := time.Now()
	c := newCrowd(r)
	before := r.base.Checksum(r)
	ctx, cancel := context.WithTimeout(context.Background(), 60*length)
	defer cancel()
	go func() {
		r.pause(ctx, length, length)
		if enough != nil {
			r.waitUntil(ctx, enough)
		}
		cancel()
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(ctx, r.config.pause)
	}()
	if inject != nil {
		inject(ctx)
	}
	<-done
	stuck := slices.Concat(r.waitRecovered(c), r.drainAndStop())
	v := r.check(c, before)
	for _, what := range stuck {
		v.addFailure(&v.stuck, "%s", what)
	}
	progresstest.Printf("%s: %d requests, %d faults, %d events, checked after %s", r.Name(), v.requests, v.faults, v.events, time.Since(started).Round(time.Second))
	return v
}

// waitRecovered waits until each replica, without a restart, accepts a change again.
// It returns a line about each that does not.
func (r *rig) waitRecovered(c *crowd) (stuck []string) {
	ctx, cancel := r.recoveryContext()
	defer cancel()
	for i, p := range r.replicas {
		next := 0
		if !r.waitUntil(ctx, func() bool {
			if p.service.Load().Readiness() != http.StatusOK {
				r.pause(ctx, 50*time.Millisecond, 100*time.Millisecond)
				return false
			}
			client := c.clients[next%len(c.clients)]
			next++
			return client.sendTo(p, request{route: enter, webinar: "talk"}, 0) != nil
		}) {
			stuck = append(stuck, fmt.Sprintf("replica %d accepts no change after all faults were removed", i))
		}
	}
	return stuck
}

// injectRepeatedly injects the faults that pick returns, one after another.
func (r *rig) injectRepeatedly(pick func() fault) func(ctx context.Context) {
	return func(ctx context.Context) {
		r.pause(ctx, 300*time.Millisecond, 600*time.Millisecond)
		for ctx.Err() == nil {
			if pick().inject(ctx, r) {
				r.faults.Add(1)
			}
			r.pause(ctx, 100*time.Millisecond, 500*time.Millisecond)
		}
	}
}

// finalStops is how often the service is killed before its queue must be empty.
const finalStops = 2

// drainAndStop waits until all events are delivered, and kills the replicas. It
// returns a line if the queue did not drain without a restart.
func (r *rig) drainAndStop() (stuck []string) {
	for i := range finalStops {
		if !r.waitDrained() && i == 0 {
			stuck = append(stuck, fmt.Sprintf("%d events are queued after all faults were removed", r.queueLength()))
		}
		for _, p := range r.replicas {
			p.kill() // ends what was started and not acknowledged
		}
		if r.queueLength() == 0 {
			return stuck
		}
		r.replicas[0].start()
	}
	return stuck
}

// waitDrained waits until the queue is empty, within the time for recovery.
func (r *rig) waitDrained() bool {
	ctx, cancel := r.recoveryContext()
	defer cancel()
	return r.waitUntil(ctx, func() bool { return r.queueLength() == 0 })
}

const usualRecovery = 2 * time.Minute

// recoveryContext ends when the service must have recovered.
func (r *rig) recoveryContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), cmp.Or(r.config.recovery, usualRecovery))
}

// queueLength is the number of events to be delivered; -1 if the database does not
// answer.
func (r *rig) queueLength() int {
	n := -1
	_ = r.db.Get(&n, `SELECT COUNT(*) FROM wp_usermeta WHERE meta_key IN ('autowebinar_outbox', 'autowebinar_outbox_wait')`)
	return n
}

// retryInconclusive repeats a run with other seeds until its result is conclusive:
// on a busy machine so many requests remain unanswered that too many viewers are
// undecided. A failure in any run fails the test.
func retryInconclusive(t *testing.T, seed uint64, run func(t *testing.T, seed uint64) *result) {
	t.Helper()
	const tries = 4
	for n := range uint64(tries) {
		if run(t, seed+n).conclusive() || t.Failed() {
			return
		}
	}
	t.Errorf("none of %d runs is conclusive", tries)
}

// requireUndisturbedPass is requirePass for a run without faults, in which no event
// is delivered twice, unless another replica became leader on a busy machine.
func (r *rig) requireUndisturbedPass(v *result) {
	r.Helper()
	r.requirePass(v)
	terms := 0
	for _, p := range r.replicas {
		terms += strings.Count(p.service.Load().Log(), "leadership acquired")
	}
	if terms == 0 {
		r.Errorf("no replica has logged that it is the leader")
	}
	if v.unexpectedRedeliveries > 0 && terms <= 1 {
		r.Errorf("%d events were delivered again", v.unexpectedRedeliveries)
	}
}

// requirePass logs a result and fails the test unless it is good and conclusive.
func (r *rig) requirePass(v *result) {
	r.Helper()
	r.requireNoFailure(v)
	if err := v.err(); err != nil && !v.failed() {
		r.Errorf("%v", err)
	}
}

// requireNoFailure is requirePass for a run that is repeated if it is inconclusive.
func (r *rig) requireNoFailure(v *result) {
	r.Helper()
	r.Logf("TORTURE_SEED=%d: %s", r.seed, v)
	if v.failed() {
		r.Errorf("%v", v.err())
	}
}
