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
func seedOf(t testing.TB) uint64 {
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
func (r *rig) ordeal(length time.Duration, enough func() bool, goWrong func(ctx context.Context)) *verdict {
	c := newCrowd(r)
	before := r.base.Checksum(r)
	ctx, cancel := context.WithTimeout(context.Background(), 20*length)
	defer cancel()
	go func() {
		r.pause(ctx, length, length)
		if enough != nil {
			r.until(ctx, enough)
		}
		cancel()
	}()
	used := make(chan struct{})
	go func() {
		defer close(used)
		c.use(ctx, r.needs.pause)
	}()
	if goWrong != nil {
		goWrong(ctx)
	}
	<-used
	stuck := slices.Concat(r.recovered(c), r.settle())
	v := r.judge(c, before)
	for _, what := range stuck {
		v.blame(&v.stuck, "%s", what)
	}
	return v
}

// recovered waits until each replica, as it is, takes a change again; those that
// do not are named.
func (r *rig) recovered(c *crowd) (stuck []string) {
	ctx, cancel := r.patience()
	defer cancel()
	for i, p := range r.replicas {
		next := 0
		if !r.until(ctx, func() bool {
			if p.service.Load().Readiness() != http.StatusOK {
				r.pause(ctx, 50*time.Millisecond, 100*time.Millisecond)
				return false
			}
			d := c.devices[next%len(c.devices)]
			next++
			return d.tryAt(p, wish{deed: enter, webinar: "talk"}, 0) != nil
		}) {
			stuck = append(stuck, fmt.Sprintf("replica %d takes no change, though nothing is wrong any more", i))
		}
	}
	return stuck
}

// injecting injects the faults that pick names, one after another.
func (r *rig) injecting(pick func() fault) func(ctx context.Context) {
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
const shutsAtEnd = 2

// settle waits until nothing is left to deliver and nobody is at work. What was
// not delivered without that somebody starts the service anew is told.
func (r *rig) settle() (stuck []string) {
	for i := range shutsAtEnd {
		if !r.drained() && i == 0 {
			stuck = append(stuck, fmt.Sprintf("%d events wait, though nothing is wrong any more", r.waiting()))
		}
		for _, p := range r.replicas {
			p.kill() // what was begun and not acknowledged ends here, either way
		}
		if r.waiting() == 0 {
			return stuck
		}
		r.replicas[0].start()
	}
	return stuck
}

// drained waits, not for ever, until nothing waits for the sink.
func (r *rig) drained() bool {
	ctx, cancel := r.patience()
	defer cancel()
	return r.until(ctx, func() bool { return r.waiting() == 0 })
}

// patience is how long the service may take to recover when all is mended.
func (r *rig) patience() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), cmp.Or(r.needs.patience, time.Minute))
}

// waiting is how many events wait for the sink; -1: the database does not say.
func (r *rig) waiting() int {
	n := -1
	_ = r.db.Get(&n, `SELECT COUNT(*) FROM wp_usermeta WHERE meta_key IN ('autowebinar_outbox', 'autowebinar_outbox_wait')`)
	return n
}

// clearly makes a run again, with another seed, until one is clear: on a machine
// that has too much to do more answers are lost than can be told apart. What is
// wrong in any of them is wrong.
func clearly(t *testing.T, seed uint64, run func(t *testing.T, seed uint64) *verdict) {
	t.Helper()
	const tries = 4
	for n := range uint64(tries) {
		if run(t, seed+n).clear() || t.Failed() {
			return
		}
	}
	t.Errorf("in none of %d runs enough is known to judge it", tries)
}

// passesUndisturbed is passes for a run in which nothing went wrong: nothing was
// delivered again, unless another replica took over on a machine that is too busy.
func (r *rig) passesUndisturbed(v *verdict) {
	r.Helper()
	r.passes(v)
	terms := 0
	for _, p := range r.replicas {
		terms += strings.Count(p.service.Load().Log(), "term begins")
	}
	if v.again > 0 && terms <= 1 {
		r.Errorf("%d events were delivered again", v.again)
	}
}

// passes fails the test on a verdict that is bad, and prints it anyway.
func (r *rig) passes(v *verdict) {
	r.Helper()
	r.Logf("TORTURE_SEED=%d: %s", r.seed, v)
	if v.bad() {
		r.Errorf("the promise was broken:\n%s", v.reasons())
	}
}
