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

// fault is something that can go wrong. inject makes it go wrong and returns when it
// is over and repaired. A run calls it repeatedly. It ends early when ctx ends, but
// repairs first. It repairs nothing but what it has broken itself, and reports
// whether the fault took effect.
type fault struct {
	name   string
	config rigConfig
	inject func(ctx context.Context, r *rig) (happened bool)
}

// rigConfig configures a rig. A fault names what it needs.
type rigConfig struct {
	replicas    int               // 0 means 1
	server      *mariadbd.Config  // of the rig's own database server; nil means the shared one, which no fault may break
	settings    map[string]string // additional settings of the service
	binary      string            // of the service; empty means the one with the race detector
	viewers     int               // 0 means usualViewers
	clients     int               // of each viewer; 0 means 1, and 2 for some
	frequent    route             // of every third request; empty means none
	pause       time.Duration     // the mean time between two requests of a client; 0 means usualPause
	appliedOnce bool              // connections to the database do not break, so no request is applied twice
	recovery    time.Duration     // within which the service must recover in the end; 0 means usualRecovery

	databaseClock bool // can be stepped; needs a server
	serviceClock  bool // can be stepped
}

// rig is a service to be broken, with everything around it.
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

	databaseClock *servicetest.DatabaseClock // nil if it cannot be stepped
	serviceClock  *servicetest.ServiceClock  // nil if it cannot be stepped

	// otherWriters is set once a fault has written rows that are not the service's:
	// they are not compared then.
	otherWriters atomic.Bool

	faults       atomic.Int64 // that took effect
	requests     atomic.Int64
	acknowledged atomic.Int64
	unanswered   atomic.Int64
	rejected     atomic.Int64 // of the unanswered: with a 503

	mu      sync.Mutex
	rng     *rand.Rand
	matched map[string]int // statements that a fault has affected, by their first words
}

// replica is an instance of the service. It reaches the database through a proxy.
type replica struct {
	proxy *servicetest.FaultProxy

	rig     *rig
	env     map[string]string
	service atomic.Pointer[servicetest.Service]
}

// newRig starts a rig and waits until it is ready.
func newRig(t testing.TB, seed uint64, n rigConfig) *rig {
	t.Helper()
	r := &rig{TB: t, seed: seed, config: n, receiver: newReceiver(t), rng: rand.New(rand.NewPCG(seed, 0)), matched: map[string]int{}}
	r.prepareClocks()
	r.base, r.server = newDatabase(t, r.config.server)
	r.db = r.base.SQL
	for range max(n.replicas, 1) {
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
	p := &replica{proxy: proxy, rig: r, env: env}
	p.start()
	return p
}

// start starts the instance, and does not wait until it is ready.
func (p *replica) start() {
	if p.rig.config.binary != "" {
		p.service.Store(servicetest.StartBinary(p.rig, p.rig.config.binary, p.env))
		return
	}
	p.service.Store(servicetest.Start(p.rig, p.env))
}

func (p *replica) kill() { p.service.Load().Kill() }

// metric returns a metric of the instance, or 0 if the instance does not answer. A
// metric that the instance does not have fails the test.
func (p *replica) metric(name string) float64 {
	client := http.Client{Timeout: 3 * time.Second}
	res, err := client.Get(p.service.Load().Admin + "/metrics")
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if text, found := strings.CutPrefix(lines.Text(), name+" "); found {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				p.rig.Errorf("metric %s: %v", name, err)
			}
			return value
		}
	}
	if lines.Err() == nil && res.StatusCode == http.StatusOK {
		p.rig.Errorf("metric %s does not exist", name)
	}
	return 0
}

// affected returns how many reads and connections the proxies have delayed or
// dropped.
func (r *rig) affected() (n int) {
	for _, p := range r.replicas {
		n += p.proxy.Affected()
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

// addMatches counts n statements that begin with a word and that a fault has
// affected.
func (r *rig) addMatches(word string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.matched[word] += n
}

// isUnmatched reports whether no statement with one of the words was affected yet.
func (r *rig) isUnmatched(words []string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(words, func(word string) bool { return r.matched[word] == 0 })
}

// unmatched returns the words with which no affected statement began.
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
func (r *rig) pause(ctx context.Context, least, most time.Duration) {
	d := least + time.Duration(r.random(int(most-least)+1))
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
