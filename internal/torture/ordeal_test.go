package torture

import (
	"cmp"
	"context"
	"os"
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
	r.settle()
	return r.judge(c, before)
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

// settle waits until nothing is left to deliver and nobody is at work.
func (r *rig) settle() {
	for range shutsAtEnd {
		r.drained()
		for _, p := range r.replicas {
			p.kill() // what was begun and not acknowledged ends here, either way
		}
		if r.waiting() == 0 {
			return
		}
		r.replicas[0].start()
	}
}

// drained waits, not for ever: what stays is for the verdict.
func (r *rig) drained() {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(r.needs.patience, time.Minute))
	defer cancel()
	r.until(ctx, func() bool { return r.waiting() == 0 })
}

// waiting is how many events wait for the sink; -1: the database does not say.
func (r *rig) waiting() int {
	n := -1
	_ = r.db.Get(&n, `SELECT COUNT(*) FROM wp_usermeta WHERE meta_key IN ('autowebinar_outbox', 'autowebinar_outbox_wait')`)
	return n
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
