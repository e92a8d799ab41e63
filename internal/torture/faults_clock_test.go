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

// clock records the offsets of the database's clock in a run. A fault adds an offset
// before it sets the clock.
type clock struct {
	mu    sync.Mutex
	steps []time.Duration
}

func (c *clock) add(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps = append(c.steps, ahead)
}

// offsets returns all possible offsets so far, including 0.
func (c *clock) offsets() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration{0}, c.steps...)
}

// prepareClocks creates the clocks that the configuration requires.
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

func clockFaults() []fault {
	return []fault{
		{
			name:   "the database clock is set forward",
			config: rigConfig{server: durableServer(), databaseClock: true},
			inject: func(ctx context.Context, r *rig) bool { return stepDatabaseClock(ctx, r, clockStep) },
		},
		{
			name:   "the database clock is set back",
			config: rigConfig{server: durableServer(), databaseClock: true},
			inject: func(ctx context.Context, r *rig) bool { return stepDatabaseClock(ctx, r, -clockStep) },
		},
		{
			name:   "the replica clocks are set forward and back",
			config: rigConfig{replicas: 2, serviceClock: true},
			inject: stepServiceClocks,
		},
	}
}

// stepDatabaseClock sets the database's clock to an offset for a while.
func stepDatabaseClock(ctx context.Context, r *rig, ahead time.Duration) bool {
	if !slices.Contains(r.clock.offsets(), ahead) {
		r.clock.add(ahead)
	}
	r.databaseClock.Set(r, ahead)
	var now int64
	r.checkAdminError(r.db.GetContext(ctx, &now, "SELECT UNIX_TIMESTAMP(SYSDATE())"))
	seen := time.Until(time.Unix(now, 0))
	r.pause(ctx, 500*time.Millisecond, 1500*time.Millisecond)
	r.databaseClock.Set(r, 0)
	r.pause(ctx, 500*time.Millisecond, 1500*time.Millisecond)
	return isClose(seen, ahead)
}

// isClose reports whether an offset is the intended one, apart from the time that
// reading the clock takes.
func isClose(seen, ahead time.Duration) bool { return (seen - ahead).Abs() < clockStep/4 }

// stepServiceClocks sets the replicas' clock forward and back while the receiver fails, so
// that events wait for their next attempt by that clock.
func stepServiceClocks(ctx context.Context, r *rig) bool {
	stepped := true
	for _, ahead := range []time.Duration{clockStep, 0} {
		stop := r.receiver.respondWith(status(http.StatusServiceUnavailable))
		r.pause(ctx, 100*time.Millisecond, 400*time.Millisecond)
		r.serviceClock.Set(r, ahead)
		stepped = stepped && isClose(time.Until(r.anyReplica().service.Load().Time()), ahead)
		r.pause(ctx, 100*time.Millisecond, 400*time.Millisecond)
		stop()
		r.pause(ctx, 200*time.Millisecond, 600*time.Millisecond)
	}
	return stepped
}
