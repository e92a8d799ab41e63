package torture

import (
	"bufio"
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/servicetest"
)

// fault is a fault that can be injected into a rig. inject causes it, ends it after a
// while or when ctx ends, repairs its effects and no others, and reports whether it had
// an effect. A run calls inject repeatedly.
type fault struct {
	name   string
	config rigConfig
	inject func(ctx context.Context, r *rig) (happened bool)
}

// rigConfig configures a rig.
type rigConfig struct {
	replicas    int               // 0 means 1
	server      *mariadbd.Config  // of a separate database server; nil means the shared one, which no fault may break
	settings    map[string]string // additional settings of the service
	binary      string            // of the service; empty means the one with the race detector
	viewers     int               // 0 means usualViewers
	clients     int               // of each viewer; 0 means 1, and 2 for some
	frequent    route             // of every third request; empty means none
	pause       time.Duration     // the mean time between two requests of a client; 0 means usualPause
	appliedOnce bool              // connections to the database do not break, so no request is applied twice
	recovery    time.Duration     // the limit for the recovery after a run; 0 means usualRecovery

	databaseClock bool // the database's clock can be set; requires server
	serviceClock  bool // the clock of the replicas can be set
}

// rig is the service under test: its replicas, database, receiver and clocks.
type rig struct {
	testing.TB
	seed     uint64
	config   rigConfig
	replicas []*replica
	server   *mariadbd.Server // nil if it is the shared one
	base     *mariadbtest.DB
	db       *sqlx.DB // with all privileges, not through a proxy
	receiver *receiver
	clock    clock

	databaseClock *servicetest.DatabaseClock // nil if it cannot be set
	serviceClock  *servicetest.ServiceClock  // nil if it cannot be set

	// otherWriters is set once a fault has written rows that are not the service's.
	// Their checksum is not compared then.
	otherWriters atomic.Bool

	faults       atomic.Int64 // injected faults that had an effect
	requests     atomic.Int64
	acknowledged atomic.Int64
	unanswered   atomic.Int64
	rejected     atomic.Int64 // those of unanswered that got a 503

	mu      sync.Mutex
	rng     *rand.Rand
	matched map[string]int // statements that a fault has affected, by their first words
}

// replica is an instance of the service that connects to the database through a proxy.
type replica struct {
	proxy *servicetest.FaultProxy

	rig     *rig
	env     map[string]string
	service atomic.Pointer[servicetest.Service]
}

// newRig starts a rig and waits until it is ready.
func newRig(t testing.TB, seed uint64, config rigConfig) *rig {
	t.Helper()
	r := &rig{TB: t, seed: seed, config: config, receiver: newReceiver(t), rng: rand.New(rand.NewPCG(seed, 0)), matched: map[string]int{}}
	r.prepareClocks()
	r.base, r.server = newDatabase(t, r.config.server)
	r.db = r.base.SQL
	for range max(config.replicas, 1) {
		r.replicas = append(r.replicas, r.newReplica())
	}
	for _, replica := range r.replicas {
		replica.service.Load().Ready(t)
	}
	return r
}

func (r *rig) newReplica() *replica {
	proxy := servicetest.NewFaultProxy(r, servicetest.AddressOf(r, r.base.DSN))
	env := servicetest.Settings(servicetest.WithAddress(r, r.base.DSN, proxy.Address), r.receiver.URL)
	maps.Copy(env, map[string]string{
		"AUTOWEBINAR_WEBINARS":          webinars,
		"AUTOWEBINAR_MAX_PLAYBACK_RATE": "16", // so that a webinar is watched in seconds
		"AUTOWEBINAR_RATE_VIEWER":       "0",
	})
	maps.Copy(env, r.config.settings)
	rep := &replica{proxy: proxy, rig: r, env: env}
	rep.start()
	return rep
}

// start starts the instance, and does not wait until it is ready.
func (rep *replica) start() {
	if rep.rig.config.binary != "" {
		rep.service.Store(servicetest.StartBinary(rep.rig, rep.rig.config.binary, rep.env))
		return
	}
	rep.service.Store(servicetest.Start(rep.rig, rep.env))
}

func (rep *replica) kill() { rep.service.Load().Kill() }

// metric returns the value of a metric of the instance, or 0 if the instance does not
// respond. It fails the test if the metric does not exist.
func (rep *replica) metric(name string) float64 {
	client := http.Client{Timeout: 3 * time.Second}
	res, err := client.Get(rep.service.Load().Admin + "/metrics")
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if text, found := strings.CutPrefix(lines.Text(), name+" "); found {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				rep.rig.Errorf("metric %s: %v", name, err)
			}
			return value
		}
	}
	if lines.Err() == nil && res.StatusCode == http.StatusOK {
		rep.rig.Errorf("metric %s does not exist", name)
	}
	return 0
}

// affectedCount returns how many reads and connections the proxies have delayed or
// dropped so far.
func (r *rig) affectedCount() (n int) {
	for _, rep := range r.replicas {
		n += rep.proxy.Affected()
	}
	return n
}

// random returns a number below n.
func (r *rig) random(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.IntN(n)
}

// anyReplica returns a random replica.
func (r *rig) anyReplica() *replica { return r.replicas[r.random(len(r.replicas))] }

// addMatches counts n affected statements that begin with a word.
func (r *rig) addMatches(word string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.matched[word] += n
}

// isUnmatched reports whether for one of the words no statement was affected yet.
func (r *rig) isUnmatched(words []string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(words, func(word string) bool { return r.matched[word] == 0 })
}

// unmatched returns the words for which no statement was affected.
func (r *rig) unmatched() (words []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for word, n := range r.matched {
		if n == 0 {
			words = append(words, word)
		}
	}
	return words
}

// pause waits for a random time, or until ctx ends.
func (r *rig) pause(ctx context.Context, shortest, longest time.Duration) {
	d := shortest + time.Duration(r.random(int(longest-shortest)+1))
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// waitUntil waits until a condition is true, or until ctx ends.
func (r *rig) waitUntil(ctx context.Context, condition func() bool) bool {
	for {
		if condition() {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// newDatabase creates a database with WordPress's tables and the service's account,
// on a new server if cfg is not nil.
func newDatabase(t testing.TB, cfg *mariadbd.Config) (*mariadbtest.DB, *mariadbd.Server) {
	t.Helper()
	if cfg == nil {
		return mariadbtest.New(t), nil
	}
	return mariadbtest.NewWithServer(t, *cfg)
}
