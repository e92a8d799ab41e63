package webhook

import (
	"context"
	"sync"
	"time"

	"autowebinar/internal/clock"
	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)

const (
	scanInterval     = 30 * time.Second     // between scans of deferred rows, which other replicas may add
	scanPauseFactor  = 100                  // the pause after a scan is at least this many times its duration
	minPollInterval  = 5 * time.Millisecond // between polls, however often Wake is called
	minPage          = 256                  // rows read by a poll
	maxPage          = 1 << 16              // the same, if polls find only viewers already known
	unsupportedRetry = time.Minute          // before a row of an unsupported version is read again
)

// run is the state of one Dispatcher.Run. Its fields are used only by the
// goroutine of loop; reads and deliveries run in separate goroutines, which
// report through channels.
type run struct {
	*Dispatcher
	deliverer   *deliverer
	schedule    *schedule
	breaker     *breaker
	health      *queueHealth
	soleFailure *entry // the only entry that has failed since the last success, or nil

	page        int
	mayHaveMore bool // the last poll found new viewers, so the next one may too
	polling     bool
	scanning    bool
	polledAt    time.Time
	pollAt      time.Time
	scanAt      time.Time

	merges           []*entry // viewers with deferred messages and new due rows
	merging          int
	inFlight         int
	suspectsInFlight int // included in inFlight

	reads   chan readResult
	results chan result
	wg      sync.WaitGroup
}

// readResult is the result of a poll or a scan.
type readResult struct {
	scan    bool
	since   uint64 // schedule.seq when the scan began
	began   time.Time
	pending []outbox.Pending
	err     error
}

func newRun(d *Dispatcher) *run {
	health := &queueHealth{log: d.cfg.Log, failures: map[queueOp]int{}}
	return &run{
		Dispatcher: d,
		deliverer:  &deliverer{cfg: d.cfg, health: health},
		schedule:   &schedule{entries: map[webinar.UserID]*entry{}},
		breaker:    &breaker{cfg: d.cfg, failedUsers: map[webinar.UserID]struct{}{}},
		health:     health,
		page:       minPage,
		// Enough for all goroutines that can be running, so that none blocks.
		reads:   make(chan readResult, 2),
		results: make(chan result, 2*d.cfg.Parallel),
	}
}

// loop runs until ctx ends, then waits for all goroutines it has started.
func (r *run) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := clock.Now()
		r.startReady(ctx, now)
		timer.Reset(r.wakeAt(now).Sub(now))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-r.wake:
			r.pollSoon()
		case read := <-r.reads:
			r.handleRead(ctx, read, clock.Now())
		case res := <-r.results:
			r.handleResult(ctx, res, clock.Now())
		}
	}
	r.wg.Wait()
	for len(r.results) > 0 {
		r.handleResult(ctx, <-r.results, clock.Now())
	}
}

// startReady starts all reads, merges and deliveries that may start now.
func (r *run) startReady(ctx context.Context, now time.Time) {
	if r.health.pausedUntil().After(now) {
		return
	}
	if !r.scanning && !r.scanAt.After(now) {
		r.scanning = true
		r.read(ctx, readResult{scan: true, since: r.schedule.seq, began: now})
	}
	for len(r.merges) > 0 && r.merging < r.cfg.Parallel {
		e := r.merges[0]
		r.merges = r.merges[1:]
		r.merging++
		r.start(e, true, false, func() result { return r.deliverer.mergeNewRows(ctx, e.user) })
	}
	for e, probe := r.nextEntry(now); e != nil; e, probe = r.nextEntry(now) {
		r.inFlight++
		if e.suspect {
			r.suspectsInFlight++
		}
		r.start(e, false, probe, func() result { return r.deliverer.send(ctx, e.user) })
	}
	if r.mayHaveMore && r.breaker.closed && r.inFlight < r.breaker.limit && r.schedule.idle() {
		r.pollSoon()
	}
	if !r.polling && !r.pollAt.After(now) {
		r.polling, r.polledAt, r.pollAt = true, now, now.Add(r.cfg.Poll)
		r.read(ctx, readResult{})
	}
}

// nextEntry returns the entry to send now, or nil, and whether it is a probe.
func (r *run) nextEntry(now time.Time) (e *entry, probe bool) {
	if r.breaker.closed {
		limit := r.breaker.limit
		if r.inFlight >= limit {
			return nil, false
		}
		return r.schedule.next(now, max(limit/2, 1)-r.suspectsInFlight, limit == 1 && r.cfg.Parallel > 1), false
	}
	// Deliveries that are still in flight serve as probes.
	if r.inFlight > 0 || r.breaker.nextProbe.After(now) {
		return nil, false
	}
	if e = r.schedule.probe(now, r.breaker.probeNewest); e != nil {
		e.probedAt = now
	}
	return e, true
}

// start runs a merge or a delivery, which may be a probe.
func (r *run) start(e *entry, isMerge, probe bool, work func() result) {
	e.inFlight = true
	r.wg.Go(func() {
		res := work()
		res.entry, res.isMerge, res.probe = e, isMerge, probe
		r.results <- res
	})
}

// read starts a poll or a scan.
func (r *run) read(ctx context.Context, read readResult) {
	page := r.page
	r.wg.Go(func() {
		if read.scan {
			read.pending, read.err = r.cfg.Queue.DeferredViewers(ctx)
		} else {
			read.pending, read.err = r.cfg.Queue.DueViewers(ctx, page)
		}
		r.reads <- read
	})
}

// pollSoon schedules a poll as early as minPollInterval permits.
func (r *run) pollSoon() {
	r.pollAt = earliest(r.pollAt, r.polledAt.Add(minPollInterval))
}

// wakeAt returns when startReady must be called again if no event arrives.
func (r *run) wakeAt(now time.Time) time.Time {
	if until := r.health.pausedUntil(); until.After(now) {
		return until
	}
	wake := now.Add(r.cfg.Poll)
	for _, at := range []time.Time{r.pollAt, r.scanAt, r.breaker.nextProbe, r.schedule.wakeAt()} {
		if at.After(now) {
			wake = earliest(wake, at)
		}
	}
	return wake
}
