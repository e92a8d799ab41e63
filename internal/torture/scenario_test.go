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

// runScenario lets a group of viewers send requests while inject, if it is not nil,
// injects faults. The run lasts at least length. If complete is not nil, it lasts
// until complete returns true, but at most sixty times length. Then all faults are
// removed and the result is checked.
func (r *rig) runScenario(length time.Duration, complete func() bool, inject func(ctx context.Context)) *result {
	started := time.Now()
	group := newViewerGroup(r)
	before := r.base.Checksum(r)
	ctx, cancel := context.WithTimeout(context.Background(), 60*length)
	defer cancel()
	go func() {
		r.pause(ctx, length, length)
		if complete != nil {
			r.waitUntil(ctx, complete)
		}
		cancel()
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		group.run(ctx, r.config.pause)
	}()
	if inject != nil {
		inject(ctx)
	}
	<-done
	stuck := slices.Concat(r.waitRecovered(group), r.drainAndStop())
	res := r.check(group, before)
	for _, failure := range stuck {
		res.addFailure(&res.stuck, "%s", failure)
	}
	progresstest.Printf("%s: %d requests, %d faults, %d events, checked after %s", r.Name(), res.requests, res.faults, res.events, time.Since(started).Round(time.Second))
	return res
}

// waitRecovered waits until each replica accepts a change again without a restart. It
// returns a line about each replica that does not.
func (r *rig) waitRecovered(group *viewerGroup) (stuck []string) {
	ctx, cancel := r.recoveryContext()
	defer cancel()
	for i, rep := range r.replicas {
		next := 0
		if !r.waitUntil(ctx, func() bool {
			if rep.service.Load().Readiness() != http.StatusOK {
				r.pause(ctx, 50*time.Millisecond, 100*time.Millisecond)
				return false
			}
			client := group.clients[next%len(group.clients)]
			next++
			return client.sendTo(rep, request{route: enter, webinar: "talk"}, 0) != nil
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

// finalKills is the number of kills and restarts after which the queue must be empty.
const finalKills = 2

// drainAndStop waits until all events are delivered, and kills the replicas. It
// returns a line if the queue did not drain without a restart.
func (r *rig) drainAndStop() (stuck []string) {
	for i := range finalKills {
		if !r.waitDrained() && i == 0 {
			stuck = append(stuck, fmt.Sprintf("%d events are queued after all faults were removed", r.queueLength()))
		}
		for _, rep := range r.replicas {
			rep.kill() // ends transactions that are still running
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

// recoveryContext returns a context with the deadline for the service's recovery.
func (r *rig) recoveryContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), cmp.Or(r.config.recovery, usualRecovery))
}

// queueLength returns the number of events to be delivered, or -1 if the database
// does not respond.
func (r *rig) queueLength() int {
	n := -1
	_ = r.db.Get(&n, `SELECT COUNT(*) FROM wp_usermeta WHERE meta_key IN ('autowebinar_outbox', 'autowebinar_outbox_wait')`)
	return n
}

// retryInconclusive repeats a run with other seeds until it is conclusive. On a busy
// machine too many requests may remain unanswered to decide enough viewers, or too few
// statements may be sent for a fault to affect each kind. A failure in any run fails
// the test.
func retryInconclusive(t *testing.T, seed uint64, run func(t *testing.T, seed uint64) (conclusive bool)) {
	t.Helper()
	const tries = 4
	for n := range uint64(tries) {
		if run(t, seed+n) || t.Failed() {
			return
		}
	}
	t.Errorf("none of %d runs is conclusive", tries)
}

// requireUndisturbedPass is requirePass for a run without faults, in which no event
// is delivered twice, unless another replica became leader on a busy machine.
func (r *rig) requireUndisturbedPass(res *result) {
	r.Helper()
	r.requirePass(res)
	terms := 0
	for _, rep := range r.replicas {
		terms += strings.Count(rep.service.Load().Log(), "leadership acquired")
	}
	if terms == 0 {
		r.Errorf("no replica has logged that it is the leader")
	}
	if res.unexpectedRedeliveries > 0 && terms <= 1 {
		r.Errorf("%d events were delivered again", res.unexpectedRedeliveries)
	}
}

// requirePass logs a result and fails the test unless it is conclusive and has no
// failure.
func (r *rig) requirePass(res *result) {
	r.Helper()
	r.requireNoFailure(res)
	if err := res.err(); err != nil && !res.failed() {
		r.Errorf("%v", err)
	}
}

// requireNoFailure is requirePass for a run that is repeated if it is inconclusive.
func (r *rig) requireNoFailure(res *result) {
	r.Helper()
	r.Logf("TORTURE_SEED=%d: %s", r.seed, res)
	if res.failed() {
		r.Errorf("%v", res.err())
	}
}
