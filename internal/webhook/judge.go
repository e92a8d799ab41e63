package webhook

import (
	"context"
	"time"
)

// judge lets the sink's state follow from an attempt.
func (t *run) updateBreaker(ctx context.Context, r result, now time.Time) {
	was := t.sink.up
	switch r.answer.Outcome {
	case Accepted:
		t.sink.accepted(now)
		t.clearSuspect(r.entry, now)
	case Rejected:
		t.sink.rejected(now)
		if t.soleFailure == r.entry {
			t.soleFailure = nil
		}
	case Unavailable:
		alone := t.sink.failed(now, failure{
			user: r.entry.user, probe: r.probe, blamed: r.entry.suspect,
			answered: r.answer.Status != 0, retryAfter: r.answer.RetryAfter,
		})
		if alone {
			t.soleFailure = r.entry
		}
	}
	if t.sink.up == was {
		return
	}
	t.soleFailure = nil
	if t.sink.up {
		t.cfg.Log.InfoContext(ctx, "sink is up, sending what waits", "viewers", len(t.agenda.entries))
		t.agenda.releaseAll(now)
	} else {
		t.cfg.Log.WarnContext(ctx, "sink is unavailable, probing", "viewers", len(t.agenda.entries))
	}
}

// acquit ends the haste with the entry that failed alone: since the sink accepts
// others, it waits by its own schedule.
func (t *run) clearSuspect(accepted *entry, now time.Time) {
	e := t.soleFailure
	t.soleFailure = nil
	if e != nil && e != accepted && e.pace == backoffCapped && t.agenda.entries[e.user] == e {
		e.pace = backoffFull
		if !e.inFlight {
			t.agenda.push(e, now)
		}
	}
}
