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

func allFaults() []fault {
	return slices.Concat(
		serviceFaults(), killPoints(), databaseFaults(), receiverFaults(), clockFaults(),
	)
}

// shortRun is the length of a run in make test.
const shortRun = 2 * time.Second

func TestWithoutFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, seedFor(t), rigConfig{appliedOnce: true})
	r.requireUndisturbedPass(r.runScenario(shortRun, nil, nil))
}

// Each fault alone is injected repeatedly while a group of viewers sends requests.
func TestFaults(t *testing.T) {
	t.Parallel()
	seed := seedFor(t)
	for _, f := range allFaults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			retryInconclusive(t, seed, func(t *testing.T, seed uint64) bool {
				r := newRig(t, seed, f.config)
				complete := func() bool { return r.isExercised() && len(r.unmatched()) == 0 }
				res := r.runScenario(shortRun, complete, r.injectRepeatedly(func() fault { return f }))
				r.requireNoFailure(res)
				res.requireActivity(t)
				unmatched := r.unmatched()
				t.Logf("kinds of statements that the fault has not affected: %q", unmatched)
				return res.conclusive() && len(unmatched) == 0
			})
		})
	}
}

func TestConcurrentFaults(t *testing.T) {
	t.Parallel()
	retryInconclusive(t, seedFor(t), func(t *testing.T, seed uint64) bool {
		r := newRig(t, seed, combine(slices.Concat(faultSets()...)))
		res := r.runScenario(2*shortRun, r.isExercised, r.injectConcurrently(faultSets()))
		r.requireNoFailure(res)
		res.requireActivity(t)
		return res.conclusive()
	})
}

// make torture runs rounds, several at once, each with its own viewers and database. In
// longer rounds too many requests would remain unanswered to decide the viewers.
const (
	roundLength      = 5 * time.Second
	concurrentRounds = 3
)

// TestTorture runs one round, or rounds for the duration TORTURE_FOR. Every fourth round
// sets the clocks and injects no other fault: the combination would leave too many
// viewers undecided.
func TestTorture(t *testing.T) {
	t.Parallel()
	text := os.Getenv("TORTURE_FOR")
	if text == "" {
		retryInconclusive(t, seedFor(t), func(t *testing.T, seed uint64) bool { return tortureRound(t, seed, shortRun).conclusive() })
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
					res := tortureRound(t, seed+n, roundLength)
					mu.Lock()
					defer mu.Unlock()
					total.add(res)
				})
			}
		})
	}
	wg.Wait()
	t.Logf("TORTURE_SEED=%d, %d rounds: %s", seed, rounds.Load(), &total)
	require.LessOrEqual(t, total.undecided, 1+total.viewers/8, "undecided viewers")
	total.requireActivity(t)
}

// isExercised reports whether a request was acknowledged, an event accepted, and a
// fault injected.
func (r *rig) isExercised() bool {
	return r.acknowledged.Load() > 0 && r.receiver.acceptedCount() > 0 && r.faults.Load() > 0
}

// requireActivity fails a run in which nothing happened, because it would pass
// every check.
func (res *result) requireActivity(t *testing.T) {
	t.Helper()
	assert.Positive(t, res.acknowledged)
	assert.Positive(t, res.faults)
	assert.Positive(t, res.events)
	assert.Positive(t, res.viewers)
}

func tortureRound(t *testing.T, seed uint64, length time.Duration) *result {
	var r *rig
	var inject func(context.Context)
	if seed%4 == 3 {
		f := clockFaults()[seed/4%uint64(len(clockFaults()))]
		r = newRig(t, seed, f.config)
		inject = r.injectRepeatedly(func() fault { return f })
	} else {
		config := combine(slices.Concat(faultSets()...))
		if seed%2 == 0 { // as on some hosts
			config.server.Args = append(config.server.Args, "--innodb-rollback-on-timeout=ON")
		}
		r = newRig(t, seed, config)
		inject = r.injectConcurrently(faultSets())
	}
	res := r.runScenario(length, r.isExercised, inject)
	r.requireNoFailure(res)
	return res
}

// combine returns the configuration of a rig on which all of the faults can be injected.
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

// faultSets returns the faults grouped by the component that they affect. Faults of one
// set do not occur at the same time. Clock faults are not included: they would leave too
// many viewers undecided.
func faultSets() [][]fault {
	return [][]fault{
		slices.Concat(serviceFaults(), killPoints()),
		databaseFaults(),
		receiverFaults(),
	}
}

// injectConcurrently injects faults from several sets at the same time.
func (r *rig) injectConcurrently(sets [][]fault) func(ctx context.Context) {
	return func(ctx context.Context) {
		var wg sync.WaitGroup
		for i, faults := range sets {
			rng := rand.New(rand.NewPCG(r.seed, uint64(i+1))) // the seed determines the order
			wg.Go(func() { r.injectRepeatedly(func() fault { return faults[rng.IntN(len(faults))] })(ctx) })
		}
		wg.Wait()
	}
}
