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

// fault is something that goes wrong. inject makes it go wrong and returns when
// it is over and mended; it is called again and again while a run lasts, and it
// ends early when ctx ends, but mends first. It mends nothing but its own, and
// says whether it came to that.
type fault struct {
	name   string
	config rigConfig
	inject func(ctx context.Context, r *rig) (happened bool)
}

// needs is what a fault wants of the rig that it is used on.
type rigConfig struct {
	replicas    int               // 0: one
	server      *mariadbd.Config  // a database server of the rig's own; nil: that of all tests, which nobody may hurt
	settings    map[string]string // of the service, beside the rig's
	binary      string            // of the service; empty: built with the race detector
	viewers     int               // 0: as many as are usual
	clients     int               // of each viewer; 0: one, and some have two
	frequent    route             // every third wish is this; empty: none
	pause       time.Duration     // the mean between two requests of a viewer; 0: the usual
	appliedOnce bool              // connections to the database hold, so that nothing is applied twice
	recovery    time.Duration     // how long the queue may take to drain in the end; 0: a minute

	databaseClock bool // the clock of the database can be stepped; only with a server
	serviceClock  bool // the clocks of the replicas can be stepped
}

// rig is a service to be hurt, with all that is around it.
type rig struct {
	testing.TB
	seed     uint64
	config   rigConfig
	replicas []*replica
	server   *mariadbd.Server // nil: not the rig's own
	base     *mariadbtest.DB
	db       *sqlx.DB // all privileges, not through a wire
	receiver *receiver
	clock    clock

	databaseClock *servicetest.DatabaseClock // nil: right for ever
	serviceClock  *servicetest.ServiceClock  // nil: right for ever

	// foreign: somebody else writes rows of other prefixes in this database, so
	// that they are not compared.
	otherWriters atomic.Bool

	faults       atomic.Int64 // that happened
	requests     atomic.Int64
	acknowledged atomic.Int64
	unanswered   atomic.Int64 // sent, and nobody knows what became of them
	rejected     atomic.Int64 // among these: told to come back

	mu      sync.Mutex
	rng     *rand.Rand
	matched map[string]int // statements that a fault was to meet, by how they begin
}

// replica is one instance of the service with its own wire to the database.
type replica struct {
	proxy *servicetest.FaultProxy

	rig     *rig
	env     map[string]string
	service atomic.Pointer[servicetest.Service]
}

// newRig starts everything and waits until it is ready.
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
	wire := servicetest.NewFaultProxy(r, servicetest.AddressOf(r, r.base.DSN))
	env := servicetest.Settings(servicetest.WithAddress(r, r.base.DSN, wire.Address), r.receiver.URL)
	maps.Copy(env, map[string]string{
		"AUTOWEBINAR_WEBINARS":          webinars,
		"AUTOWEBINAR_MAX_PLAYBACK_RATE": "16", // so that a webinar is watched in seconds
		"AUTOWEBINAR_RATE_VIEWER":       "0",
	})
	maps.Copy(env, r.config.settings)
	p := &replica{proxy: wire, rig: r, env: env}
	p.start()
	return p
}

// start starts the instance anew. It need not be ready.
func (p *replica) start() {
	if p.rig.config.binary != "" {
		p.service.Store(servicetest.StartBinary(p.rig, p.rig.config.binary, p.env))
		return
	}
	p.service.Store(servicetest.Start(p.rig, p.env))
}

// kill ends the instance as a power cut does.
func (p *replica) kill() { p.service.Load().Kill() }

// metric is what the instance says of itself; 0: nothing, or it is not there.
func (p *replica) metric(name string) float64 {
	client := http.Client{Timeout: 3 * time.Second}
	res, err := client.Get(p.service.Load().Admin + "/metrics")
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if text, found := strings.CutPrefix(lines.Text(), name+" "); found {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				p.rig.Errorf("metric %s: %v", name, err)
			}
			return value
		}
	}
	return 0
}

// touched is how much all wires have held, dropped or slowed down.
func (r *rig) affected() (n int) {
	for _, p := range r.replicas {
		n += p.proxy.Affected()
	}
	return n
}

// random is a number below n.
func (r *rig) random(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.IntN(n)
}

// one is any of the replicas.
func (r *rig) anyReplica() *replica { return r.replicas[r.random(len(r.replicas))] }

// meets counts statements that a fault was to meet.
func (r *rig) addMatches(word string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.matched[word] += n
}

// first: one of the words has not been met yet.
func (r *rig) isUnmatched(words []string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(words, func(word string) bool { return r.matched[word] == 0 })
}

// unmet are those that it has not met.
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

// pause waits for a random time, but not beyond ctx.
func (r *rig) pause(ctx context.Context, least, most time.Duration) {
	d := least + time.Duration(r.random(int(most-least)+1))
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// until waits for a condition, or the end of ctx.
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

// newDatabase makes a database with WordPress's tables and the service's
// account, on a server of its own if one is wanted.
func newDatabase(t testing.TB, cfg *mariadbd.Config) (*mariadbtest.DB, *mariadbd.Server) {
	t.Helper()
	if cfg == nil {
		return mariadbtest.New(t), nil
	}
	return mariadbtest.NewWithServer(t, *cfg)
}
