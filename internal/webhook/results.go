package webhook

import (
	"context"
	"fmt"
	"time"

	"autowebinar/internal/usermeta"
)

// take puts what a poll or a scan found into the agenda.
func (t *run) handleRead(ctx context.Context, r readResult, now time.Time) {
	if r.scan {
		t.scanning = false
	} else {
		t.polling = false
	}
	switch {
	case r.err != nil && ctx.Err() != nil:
	case r.err != nil:
		t.health.recordFailure(ctx, opRead, r.err)
	case r.scan:
		t.health.recordSuccess(ctx, opRead)
		t.scanAt = now.Add(max(scanEvery, maxScanDuty*now.Sub(r.began)))
		t.schedule.merge(r.pending, r.since, now)
	default:
		t.health.recordSuccess(ctx, opRead)
		t.enqueueDue(r.pending, now)
	}
	t.stats.update(t.updateGauges)
}

// admit puts viewers with rows under the due key into the agenda. Viewers who
// wait are sent nothing for it: their new rows join the old ones.
func (t *run) enqueueDue(pending []usermeta.Pending, now time.Time) {
	t.mayHaveMore = false
	stuck := len(pending) > 0 && t.inFlight < t.cfg.Parallel
	for _, p := range pending {
		e := t.schedule.entries[p.User]
		switch {
		case e == nil:
			t.schedule.add(p, now)
			t.mayHaveMore = true
		case e.inFlight:
			e.dirty = true
		case e.pausedUntil.After(now):
			continue
		case e.next.After(now) && !(t.breaker.up && !e.readyAt().After(now)):
			e.inFlight = true
			t.merges = append(t.merges, e)
		}
		stuck = stuck && e != nil && e.inFlight
	}
	// A page of nothing but viewers under way or set aside may hide others.
	if stuck {
		t.page = min(2*t.page, maxPage)
	} else {
		t.page = max(t.page/2, minPage)
	}
}

// finish takes in the end of a turn: first what it says of the sink, then what
// becomes of the viewer.
func (t *run) handleResult(ctx context.Context, r result, now time.Time) {
	e := r.entry
	t.releaseSlot(r)
	t.updateBreaker(ctx, r, now)
	e.inFlight = false
	again := e.dirty
	e.dirty = false
	switch r.kind {
	case resultEmpty, resultUserDeleted:
		t.schedule.remove(e)
	case resultDelivered, resultDead:
		switch {
		case r.next != nil:
			e.resetTo(r.next.RowID, r.next.NextAttempt)
			t.schedule.push(e, now)
		case r.wasDeferred: // one more look: nobody else would find what has joined it
			e.resetTo(e.row, time.Time{})
			t.schedule.push(e, now)
		default:
			t.schedule.remove(e)
		}
	case resultUnsupported:
		e.pausedUntil = now.Add(unsupportedRetry)
		t.schedule.push(e, now)
	case resultQueueError:
		e.queueErrors++
		e.pausedUntil = now.Add(backoff(e.queueErrors))
		t.schedule.push(e, now)
	case resultDeferred:
		t.keepSchedule(e, r.head)
		t.schedule.push(e, now)
	case resultRescheduled:
		t.reschedule(e, r, now)
		t.schedule.push(e, now)
	case resultCanceled:
	}
	if again {
		t.pollSoon()
	}
	t.updateStats(r, now)
}

// vacate gives back the turn's place.
func (t *run) releaseSlot(r result) {
	if r.isMerge {
		t.merging--
		return
	}
	t.inFlight--
	if r.entry.suspect {
		t.suspectsInFlight--
	}
}

// wait leaves an entry to its plan, unless operations have hastened the row.
func (t *run) keepSchedule(e *entry, head usermeta.Message) {
	hastened := e.next.Sub(head.NextAttempt) >= time.Second // rows hold whole seconds
	if e.row != head.RowID || hastened {
		e.resetTo(head.RowID, head.NextAttempt)
	}
	e.pausedUntil, e.queueErrors = time.Time{}, 0
}

// postpone gives an entry a new plan. That it may be earlier than the old one is
// chance, and no reason to forget what is held against the row.
func (t *run) reschedule(e *entry, r result, now time.Time) {
	if e.row != r.head.RowID {
		e.resetTo(r.head.RowID, r.head.NextAttempt)
	}
	e.pausedUntil, e.queueErrors = time.Time{}, 0
	e.next, e.backoff, e.failedAt = r.head.NextAttempt, backoffFull, now
	e.notBefore = now.Add(r.attempt.RetryAfter)
	switch {
	case r.attempt.Outcome == NoPayload:
		// Trying a row without a lead id says nothing, however often.
		e.notBefore = e.next
	case !r.probe:
		e.suspect = true
	}
	if e == t.soleFailure {
		e.backoff = backoffCapped
	}
}

func (t *run) updateStats(r result, now time.Time) {
	t.stats.update(func(s *Stats) {
		switch r.attempt.Outcome {
		case Accepted:
			s.Accepted++
			s.LastSuccess = now.UTC()
		case Rejected, Unavailable, NoPayload:
			s.Failed++
			s.LastError, s.LastErrorAt = r.attempt.Reason(), now.UTC()
		}
		if r.kind == resultDead {
			s.Dead++
		}
		s.Withdrawn += uint64(r.withdrawn)
		t.updateGauges(s)
	})
}

// count notes what the loop knows.
func (t *run) updateGauges(s *Stats) {
	s.ReceiverKnown, s.ReceiverUp = t.breaker.known, t.breaker.up
	s.Deferred = len(t.schedule.entries) - t.inFlight - t.merging
}

// Reason is the answer in a few words.
func (a AttemptResult) Reason() string {
	if a.Err != nil {
		return a.Err.Error()
	}
	return fmt.Sprintf("status %d", a.Status)
}
