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
const shortRun = 2 * time.Second

func TestWithoutFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, seedFor(t), rigConfig{appliedOnce: true})
	r.requireUndisturbedPass(r.runScenario(shortRun, nil, nil))
}

// Each fault alone, again and again while a crowd is at it.
func TestFaults(t *testing.T) {
	t.Parallel()
	seed := seedFor(t)
	for _, f := range allFaults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			retryInconclusive(t, seed, func(t *testing.T, seed uint64) *result {
				r := newRig(t, seed, f.config)
				shown := func() bool { return r.isExercised() && len(r.unmatched()) == 0 }
				v := r.runScenario(shortRun, shown, r.injectRepeatedly(func() fault { return f }))
				r.requirePass(v)
				v.requireActivity(t)
				assert.Empty(t, r.unmatched(), "statements that it has never met")
				return v
			})
		})
	}
}

// Several faults at once, on three replicas.
func TestMixedFaults(t *testing.T) {
	t.Parallel()
	retryInconclusive(t, seedFor(t), func(t *testing.T, seed uint64) *result {
		r := newRig(t, seed, combine(slices.Concat(faultSets()...)))
		v := r.runScenario(2*shortRun, r.isExercised, r.injectConcurrently(faultSets()))
		r.requirePass(v)
		v.requireActivity(t)
		return v
	})
}

// How make torture spends its time: round after round, several at once, each with
// a crowd and a database of its own. In a longer round more answers are lost than
// can be told apart in the end.
const (
	roundLength      = 5 * time.Second
	concurrentRounds = 3
)

// The same for as long as TORTURE_FOR says, as in make torture, else once. Every
// fourth round the clocks are wrong, and nothing else: with that, too much would
// explain too much.
func TestTorture(t *testing.T) {
	t.Parallel()
	text := os.Getenv("TORTURE_FOR")
	if text == "" {
		retryInconclusive(t, seedFor(t), func(t *testing.T, seed uint64) *result { return tortureRound(t, seed, shortRun) })
		return
	}
	length, err := time.ParseDuration(text)
	require.NoError(t, err, "TORTURE_FOR")
	seed, deadline := seedFor(t), time.Now().Add(length)
	var (
		wg     sync.WaitGroup
		rounds atomic.Uint64
		mu     sync.Mutex
		total  result
	)
	for range concurrentRounds {
		wg.Go(func() {
			for more := true; more && !t.Failed(); more = time.Now().Before(deadline) {
				n := rounds.Add(1) - 1
				t.Run(fmt.Sprintf("round %d", n+1), func(t *testing.T) {
					v := tortureRound(t, seed+n, roundLength)
					mu.Lock()
					defer mu.Unlock()
					total.add(v)
				})
			}
		})
	}
	wg.Wait()
	t.Logf("TORTURE_SEED=%d, %d rounds: %s", seed, rounds.Load(), &total)
	require.LessOrEqual(t, total.undecided, 1+total.viewers/8, "viewers too vague to judge")
	total.requireActivity(t)
}

// worked: something was acknowledged, something came to the sink, and something
// went wrong.
func (r *rig) isExercised() bool {
	return r.acknowledged.Load() > 0 && r.receiver.acceptedCount() > 0 && r.faults.Load() > 0
}

// requireWork: that nothing was bad says nothing of a run in which nothing
// happened.
func (v *result) requireActivity(t *testing.T) {
	t.Helper()
	assert.Positive(t, v.acknowledged)
	assert.Positive(t, v.faults, "nothing went wrong")
	assert.Positive(t, v.events)
	assert.Positive(t, v.viewers)
}

func tortureRound(t *testing.T, seed uint64, length time.Duration) *result {
	var r *rig
	var goWrong func(context.Context)
	if seed%4 == 3 {
		f := clockFaults()[seed/4%uint64(len(clockFaults()))]
		r = newRig(t, seed, f.config)
		goWrong = r.injectRepeatedly(func() fault { return f })
	} else {
		all := combine(slices.Concat(faultSets()...))
		if seed%2 == 0 { // some hosts have it so
			all.server.Args = append(all.server.Args, "--innodb-rollback-on-timeout=ON")
		}
		r = newRig(t, seed, all)
		goWrong = r.injectConcurrently(faultSets())
	}
	v := r.runScenario(length, r.isExercised, goWrong)
	r.requirePass(v)
	return v
}

// mixed is what all faults together need. Each sees more than it asked for.
func combine(faults []fault) rigConfig {
	all := rigConfig{replicas: 3}
	for _, f := range faults {
		all.replicas = max(all.replicas, f.config.replicas)
		all.databaseClock = all.databaseClock || f.config.databaseClock
		all.serviceClock = all.serviceClock || f.config.serviceClock
		all.server = cmp.Or(all.server, f.config.server)
	}
	if all.server == nil {
		all.server = &mariadbd.Config{}
	}
	return all
}

// hands are the faults by what they hurt: no two of one hand come at once. The
// database's clock is left alone here: with it, too much would explain too much.
func faultSets() [][]fault {
	return [][]fault{
		slices.Concat(serviceFaults(), killPoints()),
		databaseFaults(),
		sinkFaults(),
	}
}

// mixing injects faults from several hands at once.
func (r *rig) injectConcurrently(hands [][]fault) func(ctx context.Context) {
	return func(ctx context.Context) {
		var wg sync.WaitGroup
		for i, faults := range hands {
			dice := rand.New(rand.NewPCG(r.seed, uint64(i+1))) // the order follows from the seed
			wg.Go(func() { r.injectRepeatedly(func() fault { return faults[dice.IntN(len(faults))] })(ctx) })
		}
		wg.Wait()
	}
}
