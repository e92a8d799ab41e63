package webhook

import (
	"context"
	"time"
)

// judge lets the sink's state follow from an attempt.
func (t *term) judge(ctx context.Context, r result, now time.Time) {
	was := t.sink.up
	switch r.answer.Outcome {
	case Accepted:
		t.sink.accepted(now)
		t.acquit(r.entry, now)
	case Rejected:
		t.sink.rejected(now)
		if t.alone == r.entry {
			t.alone = nil
		}
	case Unavailable:
		alone := t.sink.failed(now, failure{
			user: r.entry.user, probe: r.probe, blamed: r.entry.blamed,
			answered: r.answer.Status != 0, retryAfter: r.answer.RetryAfter,
		})
		if alone {
			t.alone = r.entry
		}
	}
	if t.sink.up == was {
		return
	}
	t.alone = nil
	if t.sink.up {
		t.cfg.Log.InfoContext(ctx, "sink is up, sending what waits", "viewers", len(t.agenda.known))
		t.agenda.release(now)
	} else {
		t.cfg.Log.WarnContext(ctx, "sink is unavailable, probing", "viewers", len(t.agenda.known))
	}
}

// acquit ends the haste with the entry that failed alone: since the sink accepts
// others, it waits by its own schedule.
func (t *term) acquit(accepted *entry, now time.Time) {
	e := t.alone
	t.alone = nil
	if e != nil && e != accepted && e.pace == soon && t.agenda.known[e.user] == e {
		e.pace = own
		if !e.busy {
			t.agenda.put(e, now)
		}
	}
}
