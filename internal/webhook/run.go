package webhook

import (
	"context"
	"sync"
	"time"

	"autowebinar/internal/usermeta"
)

const (
	scanEvery        = 30 * time.Second     // full scans of the wait key: other replicas may have put rows there
	maxScanDuty      = 100                  // at most this part of the time goes into them
	minPollInterval  = 5 * time.Millisecond // between polls, however many nudges there are
	minPage          = 256                  // rows of a poll
	maxPage          = 1 << 16              // the same where what it finds is known already
	unsupportedRetry = time.Minute          // before a row of an unknown version is looked at again
)

// term is one Run of the dispatcher. Its fields belong to the goroutine of run;
// reads and turns have goroutines of their own, which report by channel.
type run struct {
	*Dispatcher
	deliverer   *deliverer
	schedule    *schedule
	breaker     *breaker
	health      *queueHealth
	soleFailure *entry // the entry that has failed while nobody else did; nil: none

	page        int
	mayHaveMore bool // the last poll found something new, the next one may as well
	polling     bool
	scanning    bool
	polledAt    time.Time
	pollAt      time.Time
	scanAt      time.Time

	merges           []*entry // waiting viewers with new rows under the due key
	merging          int
	inFlight         int
	suspectsInFlight int // among sending

	reads   chan readResult
	results chan result
	wg      sync.WaitGroup
}

// reading is what a poll or a scan found.
type readResult struct {
	scan    bool
	since   uint64 // agenda.seq when it began
	began   time.Time
	pending []usermeta.Pending
	err     error
}

func newRun(d *Dispatcher) *run {
	queued := &queueHealth{log: d.cfg.Log}
	return &run{
		Dispatcher: d,
		deliverer:  &deliverer{queue: d.cfg.Queue, sender: d.cfg.Sender, retry: d.cfg.Retry, log: d.cfg.Log, health: queued},
		schedule:   newSchedule(),
		breaker:    newBreaker(d.cfg.Retry, d.cfg.Parallel),
		health:     queued,
		page:       minPage,
		// As many as can be under way, so that nobody waits to report.
		reads:   make(chan readResult, 2),
		results: make(chan result, 2*d.cfg.Parallel),
	}
}

// run turns until ctx ends, and then waits for everything it started.
func (t *run) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := time.Now()
		t.startReady(ctx, now)
		timer.Reset(t.wakeAt(now).Sub(now))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-t.wake:
			t.pollSoon()
		case r := <-t.reads:
			t.handleRead(ctx, r, time.Now())
		case r := <-t.results:
			t.handleResult(ctx, r, time.Now())
		}
	}
	t.wg.Wait()
	for len(t.results) > 0 {
		t.handleResult(ctx, <-t.results, time.Now())
	}
}

// step starts all that may start now.
func (t *run) startReady(ctx context.Context, now time.Time) {
	if t.health.pausedUntil().After(now) {
		return
	}
	if !t.scanning && !t.scanAt.After(now) {
		t.scanning = true
		t.read(ctx, readResult{scan: true, since: t.schedule.seq, began: now})
	}
	for len(t.merges) > 0 && t.merging < t.cfg.Parallel {
		e := t.merges[0]
		t.merges = t.merges[1:]
		t.merging++
		t.start(e, func() result {
			r := t.deliverer.mergeNewRows(ctx, e.user)
			r.isMerge = true
			return r
		})
	}
	for e, probe := t.nextEntry(now); e != nil; e, probe = t.nextEntry(now) {
		t.inFlight++
		if e.suspect {
			t.suspectsInFlight++
		}
		t.start(e, func() result {
			r := t.deliverer.send(ctx, e.user)
			r.probe = probe
			return r
		})
	}
	if t.mayHaveMore && t.breaker.up && t.inFlight < t.breaker.limit && t.schedule.idle() {
		t.pollSoon()
	}
	if !t.polling && !t.pollAt.After(now) {
		t.polling, t.polledAt, t.pollAt = true, now, now.Add(t.cfg.Poll)
		t.read(ctx, readResult{})
	}
}

// choose is the next entry to send, and whether as a probe; nil: none now.
func (t *run) nextEntry(now time.Time) (e *entry, probe bool) {
	if t.breaker.up {
		if t.inFlight >= t.breaker.limit {
			return nil, false
		}
		return t.schedule.next(now, max(t.breaker.limit/2, 1)-t.suspectsInFlight, t.breaker.limit == 1 && t.cfg.Parallel > 1), false
	}
	// What is in flight from better days is probe enough.
	if t.inFlight > 0 || t.breaker.nextProbe.After(now) {
		return nil, false
	}
	if e = t.schedule.probe(now, t.breaker.probeNewest); e != nil {
		e.probedAt = now
	}
	return e, true
}

func (t *run) start(e *entry, turn func() result) {
	e.inFlight = true
	t.wg.Go(func() {
		r := turn()
		r.entry = e
		t.results <- r
	})
}

// read starts a poll or a scan.
func (t *run) read(ctx context.Context, r readResult) {
	page := t.page
	t.wg.Go(func() {
		if r.scan {
			r.pending, r.err = t.cfg.Queue.DeferredViewers(ctx)
		} else {
			r.pending, r.err = t.cfg.Queue.DueViewers(ctx, page)
		}
		t.reads <- r
	})
}

// pollSoon asks for a poll as soon as may be.
func (t *run) pollSoon() {
	t.pollAt = earliest(t.pollAt, t.polledAt.Add(minPollInterval))
}

// wakeAt is when something may start that may not start now, unless something
// else happens before.
func (t *run) wakeAt(now time.Time) time.Time {
	if rest := t.health.pausedUntil(); rest.After(now) {
		return rest
	}
	wake := now.Add(t.cfg.Poll)
	for _, at := range []time.Time{t.pollAt, t.scanAt, t.breaker.nextProbe, t.schedule.wakeAt()} {
		if at.After(now) {
			wake = earliest(wake, at)
		}
	}
	return wake
}
