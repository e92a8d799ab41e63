package torture

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest/mariadbd"
)

// allFaults is everything that we know how to break.
func allFaults() []fault {
	return slices.Concat(
		serviceFaults(), killPoints(), databaseFaults(), sinkFaults(), clockFaults(),
	)
}

// short is how long a run lasts in make test.
const short = 2 * time.Second

func TestWithoutFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, seedOf(t), needs{calm: true})
	r.passesUndisturbed(r.ordeal(short, nil, nil))
}

// Each fault alone, again and again while a crowd is at it.
func TestFaults(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	for _, f := range allFaults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			clearly(t, seed, func(t *testing.T, seed uint64) *verdict {
				r := newRig(t, seed, f.needs)
				shown := func() bool { return r.worked() && len(r.unmet()) == 0 }
				v := r.ordeal(short, shown, r.injecting(func() fault { return f }))
				r.passes(v)
				v.requireWork(t)
				assert.Empty(t, r.unmet(), "statements that it has never met")
				return v
			})
		})
	}
}

// Several faults at once, on three replicas.
func TestMixedFaults(t *testing.T) {
	t.Parallel()
	clearly(t, seedOf(t), func(t *testing.T, seed uint64) *verdict {
		r := newRig(t, seed, mixed(slices.Concat(hands()...)))
		v := r.ordeal(2*short, r.worked, r.mixing(hands()))
		r.passes(v)
		v.requireWork(t)
		return v
	})
}

// How make torture spends its time: round after round, several at once, each with
// a crowd and a database of its own. In a longer round more answers are lost than
// can be told apart in the end.
const (
	round        = 5 * time.Second
	roundsAtOnce = 3
)

// The same for as long as TORTURE_FOR says, as in make torture, else once. Every
// fourth round the clocks are wrong, and nothing else: with that, too much would
// explain too much.
func TestTorture(t *testing.T) {
	t.Parallel()
	text := os.Getenv("TORTURE_FOR")
	if text == "" {
		clearly(t, seedOf(t), func(t *testing.T, seed uint64) *verdict { return tortureRound(t, seed, short) })
		return
	}
	length, err := time.ParseDuration(text)
	require.NoError(t, err, "TORTURE_FOR")
	seed, deadline := seedOf(t), time.Now().Add(length)
	var (
		wg     sync.WaitGroup
		rounds atomic.Uint64
		mu     sync.Mutex
		total  verdict
	)
	for range roundsAtOnce {
		wg.Go(func() {
			for more := true; more && !t.Failed(); more = time.Now().Before(deadline) {
				n := rounds.Add(1) - 1
				t.Run(fmt.Sprintf("round %d", n+1), func(t *testing.T) {
					v := tortureRound(t, seed+n, round)
					mu.Lock()
					defer mu.Unlock()
					total.add(v)
				})
			}
		})
	}
	wg.Wait()
	t.Logf("TORTURE_SEED=%d, %d rounds: %s", seed, rounds.Load(), &total)
	require.LessOrEqual(t, total.vague, 1+total.viewers/8, "viewers too vague to judge")
	total.requireWork(t)
}

// worked: something was acknowledged, something came to the sink, and something
// went wrong.
func (r *rig) worked() bool { return r.acked.Load() > 0 && r.sink.count() > 0 && r.faults.Load() > 0 }

// requireWork: that nothing was bad says nothing of a run in which nothing
// happened.
func (v *verdict) requireWork(t *testing.T) {
	t.Helper()
	assert.Positive(t, v.acknowledged)
	assert.Positive(t, v.faults, "nothing went wrong")
	assert.Positive(t, v.events)
	assert.Positive(t, v.viewers)
}

func tortureRound(t *testing.T, seed uint64, length time.Duration) *verdict {
	var r *rig
	var goWrong func(context.Context)
	if seed%4 == 3 {
		f := clockFaults()[seed/4%uint64(len(clockFaults()))]
		r = newRig(t, seed, f.needs)
		goWrong = r.injecting(func() fault { return f })
	} else {
		all := mixed(slices.Concat(hands()...))
		if seed%2 == 0 { // some hosts have it so
			all.server.Args = append(all.server.Args, "--innodb-rollback-on-timeout=ON")
		}
		r = newRig(t, seed, all)
		goWrong = r.mixing(hands())
	}
	v := r.ordeal(length, r.worked, goWrong)
	r.passes(v)
	return v
}

// mixed is what all faults together need. Each sees more than it asked for.
func mixed(faults []fault) needs {
	all := needs{replicas: 3}
	for _, f := range faults {
		all.replicas = max(all.replicas, f.needs.replicas)
		all.stepped = all.stepped || f.needs.stepped
		all.steppedGo = all.steppedGo || f.needs.steppedGo
		all.server = cmp.Or(all.server, f.needs.server)
	}
	if all.server == nil {
		all.server = &mariadbd.Config{}
	}
	return all
}

// hands are the faults by what they hurt: no two of one hand come at once. The
// database's clock is left alone here: with it, too much would explain too much.
func hands() [][]fault {
	return [][]fault{
		slices.Concat(serviceFaults(), killPoints()),
		databaseFaults(),
		sinkFaults(),
	}
}

// mixing injects faults from several hands at once.
func (r *rig) mixing(hands [][]fault) func(ctx context.Context) {
	return func(ctx context.Context) {
		var wg sync.WaitGroup
		for i, faults := range hands {
			dice := rand.New(rand.NewPCG(r.seed, uint64(i+1))) // the order follows from the seed
			wg.Go(func() { r.injecting(func() fault { return faults[dice.IntN(len(faults))] })(ctx) })
		}
		wg.Wait()
	}
}
