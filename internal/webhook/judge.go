package webhook

import (
	"context"
	"time"
)

// judge lets the sink's state follow from an attempt.
func (t *run) updateBreaker(ctx context.Context, r result, now time.Time) {
	was := t.breaker.up
	switch r.attempt.Outcome {
	case Accepted:
		t.breaker.accepted(now)
		t.clearSuspect(r.entry, now)
	case Rejected:
		t.breaker.rejected(now)
		if t.soleFailure == r.entry {
			t.soleFailure = nil
		}
	case Unavailable:
		alone := t.breaker.failed(now, failure{
			user: r.entry.user, probe: r.probe, suspect: r.entry.suspect,
			answered: r.attempt.Status != 0, retryAfter: r.attempt.RetryAfter,
		})
		if alone {
			t.soleFailure = r.entry
		}
	}
	if t.breaker.up == was {
		return
	}
	t.soleFailure = nil
	if t.breaker.up {
		t.cfg.Log.InfoContext(ctx, "sink is up, sending what waits", "viewers", len(t.schedule.entries))
		t.schedule.releaseAll(now)
	} else {
		t.cfg.Log.WarnContext(ctx, "sink is unavailable, probing", "viewers", len(t.schedule.entries))
	}
}

// acquit ends the haste with the entry that failed alone: since the sink accepts
// others, it waits by its own schedule.
func (t *run) clearSuspect(accepted *entry, now time.Time) {
	e := t.soleFailure
	t.soleFailure = nil
	if e != nil && e != accepted && e.backoff == backoffCapped && t.schedule.entries[e.user] == e {
		e.backoff = backoffFull
		if !e.inFlight {
			t.schedule.push(e, now)
		}
	}
}
