package torture

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"autowebinar/internal/servicetest"
)

// clock is how far the database's clock has been from ours in this run. A fault
// that sets it must say so before it does.
type clock struct {
	mu    sync.Mutex
	steps []time.Duration
}

// may says that the database's clock may be so far ahead from now on.
func (c *clock) add(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps = append(c.steps, ahead)
}

// offsets are all that have been possible so far, the true time among them.
func (c *clock) offsets() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration{0}, c.steps...)
}

// stepClocks gives the rig the clocks that it needs.
func (r *rig) prepareClocks() {
	if r.config.databaseClock {
		r.databaseClock = servicetest.NewDatabaseClock(r)
		cfg := *r.config.server
		cfg.Env = append(cfg.Env, r.databaseClock.Env...)
		r.config.server = &cfg
	}
	if r.config.serviceClock {
		r.serviceClock = servicetest.NewServiceClock(r)
		r.config.binary = r.serviceClock.Binary
		settings := maps.Clone(r.serviceClock.Env)
		maps.Copy(settings, r.config.settings)
		r.config.settings = settings
	}
}

const clockStep = time.Hour

// clockFaults are clocks that jump by an hour.
func clockFaults() []fault {
	return []fault{
		{
			name:   "the clock of the database jumps ahead",
			config: rigConfig{server: durableServer(), databaseClock: true},
			inject: func(ctx context.Context, r *rig) bool { return stepDatabase(ctx, r, clockStep) },
		},
		{
			name:   "the clock of the database falls back",
			config: rigConfig{server: durableServer(), databaseClock: true},
			inject: func(ctx context.Context, r *rig) bool { return stepDatabase(ctx, r, -clockStep) },
		},
		{
			name:   "the clocks of the replicas jump",
			config: rigConfig{replicas: 2, serviceClock: true},
			inject: stepServices,
		},
	}
}

// stepDatabase sets the database's clock wrong, and later right again, which is
// a jump as well.
func stepDatabase(ctx context.Context, r *rig, ahead time.Duration) bool {
	if !slices.Contains(r.clock.offsets(), ahead) {
		r.clock.add(ahead)
	}
	r.databaseClock.Set(r, ahead)
	var told int64
	r.checkAdminError(r.db.GetContext(ctx, &told, "SELECT UNIX_TIMESTAMP(SYSDATE())"))
	seen := time.Until(time.Unix(told, 0))
	r.pause(ctx, 500*time.Millisecond, 1500*time.Millisecond)
	r.databaseClock.Set(r, 0)
	r.pause(ctx, 500*time.Millisecond, 1500*time.Millisecond)
	return isClose(seen, ahead)
}

// near: a clock that was seen to be ahead is so by the step, but for what it took
// to ask.
func isClose(seen, ahead time.Duration) bool { return (seen - ahead).Abs() < clockStep/4 }

// stepServices lets the replicas' clock jump ahead and back, while the sink is
// gone and events wait for their next attempt by that clock.
func stepServices(ctx context.Context, r *rig) bool {
	stepped := true
	for _, ahead := range []time.Duration{clockStep, 0} {
		stop := r.receiver.respondWith(status(http.StatusServiceUnavailable))
		r.pause(ctx, 100*time.Millisecond, 400*time.Millisecond)
		r.serviceClock.Set(r, ahead)
		stepped = stepped && isClose(time.Until(r.anyReplica().reportedTime()), ahead)
		r.pause(ctx, 100*time.Millisecond, 400*time.Millisecond)
		stop()
		r.pause(ctx, 200*time.Millisecond, 600*time.Millisecond)
	}
	return stepped
}

// told is the time that the instance gives with its answers.
func (p *replica) reportedTime() (at time.Time) {
	client := http.Client{Timeout: 3 * time.Second}
	if res, err := client.Get(p.service.Load().Admin + "/healthz"); err == nil {
		res.Body.Close()
		at, _ = http.ParseTime(res.Header.Get("Date"))
	}
	return at
}
