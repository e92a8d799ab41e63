package webhook

import (
	"context"
	"sync"
	"time"

	"autowebinar/internal/usermeta"
)

const (
	scanEvery  = 30 * time.Second     // full scans of the wait key: other replicas may have put rows there
	scanShare  = 100                  // at most this part of the time goes into them
	pollGap    = 5 * time.Millisecond // between polls, however many nudges there are
	smallPage  = 256                  // rows of a poll
	largePage  = 1 << 16              // the same where what it finds is known already
	holdPeriod = time.Minute          // before a row of an unknown version is looked at again
)

// term is one Run of the dispatcher. Its fields belong to the goroutine of run;
// reads and turns have goroutines of their own, which report by channel.
type term struct {
	*Dispatcher
	turns  *turns
	agenda *agenda
	sink   *sink
	queued *outage
	alone  *entry // the entry that has failed while nobody else did; nil: none

	page     int
	more     bool // the last poll found something new, the next one may as well
	polling  bool
	scanning bool
	polledAt time.Time
	pollAt   time.Time
	scanAt   time.Time

	joins   []*entry // waiting viewers with new rows under the due key
	joining int
	sending int
	blamed  int // among sending

	reads chan reading
	ended chan result
	wg    sync.WaitGroup
}

// reading is what a poll or a scan found.
type reading struct {
	scan    bool
	since   uint64 // agenda.seq when it began
	began   time.Time
	pending []usermeta.Pending
	err     error
}

func newTerm(d *Dispatcher) *term {
	queued := &outage{log: d.cfg.Log}
	return &term{
		Dispatcher: d,
		turns:      &turns{queue: d.cfg.Queue, sender: d.cfg.Sender, retry: d.cfg.Retry, log: d.cfg.Log, queued: queued},
		agenda:     newAgenda(),
		sink:       newSink(d.cfg.Retry, d.cfg.Parallel),
		queued:     queued,
		page:       smallPage,
		// As many as can be under way, so that nobody waits to report.
		reads: make(chan reading, 2),
		ended: make(chan result, 2*d.cfg.Parallel),
	}
}

// run turns until ctx ends, and then waits for everything it started.
func (t *term) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := time.Now()
		t.step(ctx, now)
		timer.Reset(t.wakeAt(now).Sub(now))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-t.nudge:
			t.pollSoon()
		case r := <-t.reads:
			t.take(ctx, r, time.Now())
		case r := <-t.ended:
			t.finish(ctx, r, time.Now())
		}
	}
	t.wg.Wait()
	for len(t.ended) > 0 {
		t.finish(ctx, <-t.ended, time.Now())
	}
}

// step starts all that may start now.
func (t *term) step(ctx context.Context, now time.Time) {
	if t.queued.restsUntil().After(now) {
		return
	}
	if !t.scanning && !t.scanAt.After(now) {
		t.scanning = true
		t.read(ctx, reading{scan: true, since: t.agenda.seq, began: now})
	}
	for len(t.joins) > 0 && t.joining < t.cfg.Parallel {
		e := t.joins[0]
		t.joins = t.joins[1:]
		t.joining++
		t.start(e, func() result {
			r := t.turns.join(ctx, e.user)
			r.joined = true
			return r
		})
	}
	for e, probe := t.choose(now); e != nil; e, probe = t.choose(now) {
		t.sending++
		if e.blamed {
			t.blamed++
		}
		t.start(e, func() result {
			r := t.turns.send(ctx, e.user)
			r.probe = probe
			return r
		})
	}
	if t.more && t.sink.up && t.sending < t.sink.limit && t.agenda.idle() {
		t.pollSoon()
	}
	if !t.polling && !t.pollAt.After(now) {
		t.polling, t.polledAt, t.pollAt = true, now, now.Add(t.cfg.Poll)
		t.read(ctx, reading{})
	}
}

// choose is the next entry to send, and whether as a probe; nil: none now.
func (t *term) choose(now time.Time) (e *entry, probe bool) {
	if t.sink.up {
		if t.sending >= t.sink.limit {
			return nil, false
		}
		return t.agenda.next(now, max(t.sink.limit/2, 1)-t.blamed, t.sink.limit == 1 && t.cfg.Parallel > 1), false
	}
	// What is in flight from better days is probe enough.
	if t.sending > 0 || t.sink.probeAt.After(now) {
		return nil, false
	}
	if e = t.agenda.probe(now, t.sink.newest); e != nil {
		e.probedAt = now
	}
	return e, true
}

func (t *term) start(e *entry, turn func() result) {
	e.busy = true
	t.wg.Go(func() {
		r := turn()
		r.entry = e
		t.ended <- r
	})
}

// read starts a poll or a scan.
func (t *term) read(ctx context.Context, r reading) {
	page := t.page
	t.wg.Go(func() {
		if r.scan {
			r.pending, r.err = t.cfg.Queue.Waiting(ctx)
		} else {
			r.pending, r.err = t.cfg.Queue.Due(ctx, page)
		}
		t.reads <- r
	})
}

// pollSoon asks for a poll as soon as may be.
func (t *term) pollSoon() {
	t.pollAt = earliest(t.pollAt, t.polledAt.Add(pollGap))
}

// wakeAt is when something may start that may not start now, unless something
// else happens before.
func (t *term) wakeAt(now time.Time) time.Time {
	if rest := t.queued.restsUntil(); rest.After(now) {
		return rest
	}
	wake := now.Add(t.cfg.Poll)
	for _, at := range []time.Time{t.pollAt, t.scanAt, t.sink.probeAt, t.agenda.wakeAt()} {
		if at.After(now) {
			wake = earliest(wake, at)
		}
	}
	return wake
}
