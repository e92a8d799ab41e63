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
)

// seedOf is TORTURE_SEED, else another one each time.
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

// ordeal lets a crowd use the rig for a while, and things go wrong beside it; nil:
// nothing does. It goes on, not for ever, until it has shown enough. In the end
// all is mended, and judged.
func (r *rig) runScenario(length time.Duration, enough func() bool, goWrong func(ctx context.Context)) *result {
	c := newCrowd(r)
	before := r.base.Checksum(r)
	ctx, cancel := context.WithTimeout(context.Background(), 20*length)
	defer cancel()
	go func() {
		r.pause(ctx, length, length)
		if enough != nil {
			r.waitUntil(ctx, enough)
		}
		cancel()
	}()
	used := make(chan struct{})
	go func() {
		defer close(used)
		c.run(ctx, r.config.pause)
	}()
	if goWrong != nil {
		goWrong(ctx)
	}
	<-used
	stuck := slices.Concat(r.waitRecovered(c), r.drainAndStop())
	v := r.check(c, before)
	for _, what := range stuck {
		v.addFailure(&v.stuck, "%s", what)
	}
	return v
}

// recovered waits until each replica, as it is, takes a change again; those that
// do not are named.
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
			d := c.clients[next%len(c.clients)]
			next++
			return d.sendTo(p, request{route: enter, webinar: "talk"}, 0) != nil
		}) {
			stuck = append(stuck, fmt.Sprintf("replica %d takes no change, though nothing is wrong any more", i))
		}
	}
	return stuck
}

// injecting injects the faults that pick names, one after another.
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

// shutsAtEnd is how often the service is ended before nothing can come any more.
const finalStops = 2

// settle waits until nothing is left to deliver and nobody is at work. What was
// not delivered without that somebody starts the service anew is told.
func (r *rig) drainAndStop() (stuck []string) {
	for i := range finalStops {
		if !r.waitDrained() && i == 0 {
			stuck = append(stuck, fmt.Sprintf("%d events wait, though nothing is wrong any more", r.queueLength()))
		}
		for _, p := range r.replicas {
			p.kill() // what was begun and not acknowledged ends here, either way
		}
		if r.queueLength() == 0 {
			return stuck
		}
		r.replicas[0].start()
	}
	return stuck
}

// drained waits, not for ever, until nothing waits for the sink.
func (r *rig) waitDrained() bool {
	ctx, cancel := r.recoveryContext()
	defer cancel()
	return r.waitUntil(ctx, func() bool { return r.queueLength() == 0 })
}

// patience is how long the service may take to recover when all is mended.
func (r *rig) recoveryContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), cmp.Or(r.config.recovery, time.Minute))
}

// waiting is how many events wait for the sink; -1: the database does not say.
func (r *rig) queueLength() int {
	n := -1
	_ = r.db.Get(&n, `SELECT COUNT(*) FROM wp_usermeta WHERE meta_key IN ('autowebinar_outbox', 'autowebinar_outbox_wait')`)
	return n
}

// clearly makes a run again, with another seed, until one is clear: on a machine
// that has too much to do more answers are lost than can be told apart. What is
// wrong in any of them is wrong.
func retryInconclusive(t *testing.T, seed uint64, run func(t *testing.T, seed uint64) *result) {
	t.Helper()
	const tries = 4
	for n := range uint64(tries) {
		if run(t, seed+n).conclusive() || t.Failed() {
			return
		}
	}
	t.Errorf("in none of %d runs enough is known to judge it", tries)
}

// passesUndisturbed is passes for a run in which nothing went wrong: nothing was
// delivered again, unless another replica took over on a machine that is too busy.
func (r *rig) requireUndisturbedPass(v *result) {
	r.Helper()
	r.requirePass(v)
	terms := 0
	for _, p := range r.replicas {
		terms += strings.Count(p.service.Load().Log(), "term begins")
	}
	if v.unexpectedRedeliveries > 0 && terms <= 1 {
		r.Errorf("%d events were delivered again", v.unexpectedRedeliveries)
	}
}

// passes fails the test on a verdict that is bad, and prints it anyway.
func (r *rig) requirePass(v *result) {
	r.Helper()
	r.Logf("TORTURE_SEED=%d: %s", r.seed, v)
	if v.failed() {
		r.Errorf("the promise was broken:\n%s", v.firstFailures())
	}
}
