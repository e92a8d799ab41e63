package webhook

import (
	"context"
	"fmt"
	"time"

	"autowebinar/internal/usermeta"
)

// take puts what a poll or a scan found into the agenda.
func (t *term) take(ctx context.Context, r reading, now time.Time) {
	if r.scan {
		t.scanning = false
	} else {
		t.polling = false
	}
	switch {
	case r.err != nil && ctx.Err() != nil:
	case r.err != nil:
		t.queued.failed(ctx, toRead, r.err)
	case r.scan:
		t.queued.over(ctx, toRead)
		t.scanAt = now.Add(max(scanEvery, scanShare*now.Sub(r.began)))
		t.agenda.merge(r.pending, r.since, now)
	default:
		t.queued.over(ctx, toRead)
		t.admit(r.pending, now)
	}
	t.stats.update(t.count)
}

// admit puts viewers with rows under the due key into the agenda. Viewers who
// wait are sent nothing for it: their new rows join the old ones.
func (t *term) admit(pending []usermeta.Pending, now time.Time) {
	t.more = false
	stuck := len(pending) > 0 && t.sending < t.cfg.Parallel
	for _, p := range pending {
		e := t.agenda.known[p.User]
		switch {
		case e == nil:
			t.agenda.add(p, now)
			t.more = true
		case e.busy:
			e.again = true
		case e.aside.After(now):
			continue
		case e.next.After(now) && !(t.sink.up && !e.readyAt().After(now)):
			e.busy = true
			t.joins = append(t.joins, e)
		}
		stuck = stuck && e != nil && e.busy
	}
	// A page of nothing but viewers under way or set aside may hide others.
	if stuck {
		t.page = min(2*t.page, largePage)
	} else {
		t.page = max(t.page/2, smallPage)
	}
}

// finish takes in the end of a turn: first what it says of the sink, then what
// becomes of the viewer.
func (t *term) finish(ctx context.Context, r result, now time.Time) {
	e := r.entry
	t.vacate(r)
	t.judge(ctx, r, now)
	e.busy = false
	again := e.again
	e.again = false
	switch r.end {
	case endNothing, endWithdrawn:
		t.agenda.drop(e)
	case endAccepted, endBuried:
		switch {
		case r.following != nil:
			e.become(r.following.RowID, r.following.NextAttempt)
			t.agenda.put(e, now)
		case r.waited: // one more look: nobody else would find what has joined it
			e.become(e.row, time.Time{})
			t.agenda.put(e, now)
		default:
			t.agenda.drop(e)
		}
	case endHeld:
		e.aside = now.Add(holdPeriod)
		t.agenda.put(e, now)
	case endFaulted:
		e.faults++
		e.aside = now.Add(backoff(e.faults))
		t.agenda.put(e, now)
	case endWaiting:
		t.wait(e, r.head)
		t.agenda.put(e, now)
	case endPostponed:
		t.postpone(e, r, now)
		t.agenda.put(e, now)
	case endCut:
	}
	if again {
		t.pollSoon()
	}
	t.tally(r, now)
}

// vacate gives back the turn's place.
func (t *term) vacate(r result) {
	if r.joined {
		t.joining--
		return
	}
	t.sending--
	if r.entry.blamed {
		t.blamed--
	}
}

// wait leaves an entry to its plan, unless operations have hastened the row.
func (t *term) wait(e *entry, head usermeta.Message) {
	hastened := e.next.Sub(head.NextAttempt) >= time.Second // rows hold whole seconds
	if e.row != head.RowID || hastened {
		e.become(head.RowID, head.NextAttempt)
	}
	e.aside, e.faults = time.Time{}, 0
}

// postpone gives an entry a new plan. That it may be earlier than the old one is
// chance, and no reason to forget what is held against the row.
func (t *term) postpone(e *entry, r result, now time.Time) {
	if e.row != r.head.RowID {
		e.become(r.head.RowID, r.head.NextAttempt)
	}
	e.aside, e.faults = time.Time{}, 0
	e.next, e.pace, e.failedAt = r.head.NextAttempt, own, now
	e.notBefore = now.Add(r.answer.RetryAfter)
	switch {
	case r.answer.Outcome == Unsendable:
		// Trying a row without a lead id says nothing, however often.
		e.notBefore = e.next
	case !r.probe:
		e.blamed = true
	}
	if e == t.alone {
		e.pace = soon
	}
}

func (t *term) tally(r result, now time.Time) {
	t.stats.update(func(s *Stats) {
		switch r.answer.Outcome {
		case Accepted:
			s.Accepted++
			s.LastSuccess = now.UTC()
		case Rejected, Unavailable, Unsendable:
			s.Failed++
			s.LastError, s.LastErrorAt = r.answer.Reason(), now.UTC()
		}
		if r.end == endBuried {
			s.Dead++
		}
		s.Withdrawn += uint64(r.withdrawn)
		t.count(s)
	})
}

// count notes what the loop knows.
func (t *term) count(s *Stats) {
	s.SinkKnown, s.SinkUp = t.sink.known, t.sink.up
	s.Waiting = len(t.agenda.known) - t.sending - t.joining
}

// Reason is the answer in a few words.
func (a Answer) Reason() string {
	if a.Err != nil {
		return a.Err.Error()
	}
	return fmt.Sprintf("status %d", a.Status)
}
