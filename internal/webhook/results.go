package webhook

import (
	"context"
	"time"

	"autowebinar/internal/outbox"
)

// handleRead processes the result of a poll or a scan.
func (r *run) handleRead(ctx context.Context, read readResult, now time.Time) {
	if read.scan {
		r.scanning = false
	} else {
		r.polling = false
	}
	switch {
	case read.err != nil && ctx.Err() != nil:
	case read.err != nil:
		r.health.recordFailure(ctx, opRead, read.err)
	case read.scan:
		r.health.recordSuccess(ctx, opRead)
		r.scanAt = now.Add(max(scanInterval, scanPauseFactor*now.Sub(read.began)))
		r.schedule.merge(read.pending, read.since, now)
	default:
		r.health.recordSuccess(ctx, opRead)
		r.enqueueDue(read.pending, now)
	}
	r.stats.update(r.updateGauges)
}

// enqueueDue adds viewers with due rows to the schedule. If a viewer's first
// message is deferred, the new rows are deferred too and nothing is sent.
func (r *run) enqueueDue(pending []outbox.Pending, now time.Time) {
	r.mayHaveMore = false
	allBusy := len(pending) > 0 && r.inFlight < r.cfg.Parallel
	for _, p := range pending {
		e := r.schedule.entries[p.User]
		switch {
		case e == nil:
			r.schedule.add(p, now)
			r.mayHaveMore = true
		case e.inFlight:
			e.dirty = true
		case e.pausedUntil.After(now):
			continue
		case e.next.After(now) && !(r.breaker.closed && !e.readyAt().After(now)):
			e.inFlight = true
			r.merges = append(r.merges, e)
		}
		allBusy = allBusy && e != nil && e.inFlight
	}
	// A page with only viewers that are in flight or paused may hide others.
	if allBusy {
		r.page = min(2*r.page, maxPage)
	} else {
		r.page = max(r.page/2, minPage)
	}
}

// handleResult processes the result of a delivery or a merge: it updates the
// breaker and then the viewer's entry.
func (r *run) handleResult(ctx context.Context, res result, now time.Time) {
	e := res.entry
	if res.isMerge {
		r.merging--
	} else {
		r.inFlight--
		if e.suspect {
			r.suspectsInFlight--
		}
	}
	r.updateBreaker(ctx, res, now)
	if e.dirty {
		r.pollSoon()
	}
	e.inFlight, e.dirty = false, false
	done := false
	switch res.kind {
	case resultEmpty:
		done = true
	case resultDelivered, resultDead:
		switch {
		case res.next != nil:
			e.resetTo(res.next.RowID, res.next.NextAttempt)
		case res.wasDeferred: // read the viewer once more, because polls do not find rows that were deferred meanwhile
			e.resetTo(e.row, time.Time{})
		default:
			done = true
		}
	case resultUnsupported:
		e.pausedUntil = now.Add(unsupportedRetry)
	case resultQueueError:
		e.queueErrors++
		e.pausedUntil = now.Add(backoff(e.queueErrors))
	case resultDeferred:
		r.keepSchedule(e, res.head)
	case resultRescheduled:
		r.reschedule(e, res, now)
	}
	if done {
		r.schedule.remove(e)
	} else {
		r.schedule.push(e, now)
	}
	r.updateStats(res, now)
}

// updateBreaker records the outcome of an attempt in the breaker, and releases
// all entries if this closes it.
func (r *run) updateBreaker(ctx context.Context, res result, now time.Time) {
	wasClosed := r.breaker.closed
	switch res.attempt.Outcome {
	case Accepted:
		r.breaker.recordAccepted(now)
		r.clearSoleFailure(res.entry, now)
	case Rejected:
		r.breaker.recordRejected(now)
		if r.soleFailure == res.entry {
			r.soleFailure = nil
		}
	case Unavailable:
		if sole := r.breaker.recordFailure(now, res); sole {
			r.soleFailure = res.entry
		}
	}
	if r.breaker.closed == wasClosed {
		return
	}
	r.soleFailure = nil
	if r.breaker.closed {
		r.cfg.Log.InfoContext(ctx, "receiver available, resuming delivery", "viewers", len(r.schedule.entries))
		r.schedule.releaseAll(now)
	} else {
		r.cfg.Log.WarnContext(ctx, "receiver unavailable, probing", "viewers", len(r.schedule.entries))
	}
}

// clearSoleFailure ends the short pauses of the only entry that fails, because
// the receiver accepts others.
func (r *run) clearSoleFailure(accepted *entry, now time.Time) {
	e := r.soleFailure
	r.soleFailure = nil
	if e != nil && e != accepted && e.backoff == backoffCapped && r.schedule.entries[e.user] == e {
		e.backoff = backoffFull
		if !e.inFlight {
			r.schedule.push(e, now)
		}
	}
}

// keepSchedule keeps the entry's next attempt, unless an operator has moved it
// forward.
func (r *run) keepSchedule(e *entry, head outbox.Message) {
	if e.row != head.RowID || isExpedited(e.next, head.NextAttempt) {
		e.resetTo(head.RowID, head.NextAttempt)
	}
	e.pausedUntil, e.queueErrors = time.Time{}, 0
}

// reschedule sets the entry's next attempt after a failure. Jitter may make it
// earlier than the previous one; the entry stays suspect.
func (r *run) reschedule(e *entry, res result, now time.Time) {
	if e.row != res.head.RowID {
		e.resetTo(res.head.RowID, res.head.NextAttempt)
	}
	e.pausedUntil, e.queueErrors = time.Time{}, 0
	e.next, e.backoff, e.failedAt = res.head.NextAttempt, backoffFull, now
	e.notBefore = now.Add(res.attempt.RetryAfter)
	switch {
	case res.attempt.Outcome == NoPayload:
		// An event without a body cannot serve as a probe.
		e.notBefore = e.next
	case !res.probe:
		e.suspect = true
	}
	if e == r.soleFailure {
		e.backoff = backoffCapped
	}
}

func (r *run) updateStats(res result, now time.Time) {
	r.stats.update(func(s *Stats) {
		switch res.attempt.Outcome {
		case Accepted:
			s.Accepted++
			s.LastSuccess = now.UTC()
		case Rejected, Unavailable, NoPayload:
			s.Failed++
		}
		if res.kind == resultDead {
			s.Dead++
		}
		s.Discarded += uint64(res.discarded)
		r.updateGauges(s)
	})
}

func (r *run) updateGauges(s *Stats) {
	s.ReceiverKnown, s.ReceiverUp = r.breaker.known, r.breaker.closed
	s.Pending = len(r.schedule.entries) - r.inFlight - r.merging
}
