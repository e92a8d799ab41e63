package webhook

import (
	"time"

	"autowebinar/internal/webinar"
)

// backoffMode determines when a failed entry is retried while the breaker is
// closed.
type backoffMode int

const (
	backoffNone   backoffMode = iota // immediately
	backoffCapped                    // at its next attempt, but at most 30 s after its last failure
	backoffFull                      // at its next attempt
)

// entry is a viewer with something to send. The queue is authoritative; the
// additional state of an entry only affects timing.
type entry struct {
	user webinar.UserID
	row  uint64    // the viewer's lowest known row
	next time.Time // next attempt of that row; zero if not tried yet

	backoff     backoffMode
	notBefore   time.Time // no attempt earlier, in any state of the breaker
	failedAt    time.Time // last failure in this run; zero if none
	probedAt    time.Time // last probe in this run; zero if none
	suspect     bool      // failed while the breaker was closed
	pausedUntil time.Time // no attempt earlier, after a queue error or an unsupported row
	queueErrors int       // consecutive queue errors

	inFlight bool   // a delivery or a merge is in progress
	dirty    bool   // due rows were found meanwhile
	seq      uint64 // of the last change, see schedule.push
}

// resetTo replaces the entry's row and clears all that is known about the old one.
func (e *entry) resetTo(row uint64, next time.Time) {
	*e = entry{user: e.user, row: row, next: next, seq: e.seq}
}

// readyAt returns when the entry may be sent while the breaker is closed.
func (e *entry) readyAt() time.Time {
	switch e.backoff {
	case backoffNone:
		return e.blockedUntil()
	case backoffCapped:
		return e.probeReadyAt()
	}
	return latest(e.blockedUntil(), e.next)
}

// probeReadyAt returns when the entry may be sent as a probe: at its next
// attempt, but at most 30 s after its last failure.
func (e *entry) probeReadyAt() time.Time {
	if e.failedAt.IsZero() {
		return e.blockedUntil()
	}
	return latest(e.blockedUntil(), earliest(e.next, e.failedAt.Add(maxProbePause)))
}

// blockedUntil returns the earliest time at which both the receiver and the
// queue permit an attempt.
func (e *entry) blockedUntil() time.Time { return latest(e.notBefore, e.pausedUntil) }

// probeLess orders entries for probing. Entries probed longest ago come first,
// so that one event cannot block probing. Ties are ordered by the newest row,
// or by the earliest next attempt and then the oldest row.
func (e *entry) probeLess(o *entry, newest bool) bool {
	switch {
	case !e.probedAt.Equal(o.probedAt):
		return e.probedAt.Before(o.probedAt)
	case newest:
		return e.row > o.row
	case !e.next.Equal(o.next):
		return e.next.Before(o.next)
	}
	return e.row < o.row
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
