package webhook

import (
	"time"

	"autowebinar/internal/webinar"
)

// pace says how an entry that failed waits while the sink is up.
type backoffMode int

const (
	backoffNone   backoffMode = iota // not at all: nothing is held against it
	backoffCapped                    // its own schedule, but 30 s at most
	backoffFull                      // its own schedule
)

// entry is one viewer with something to send, as the agenda knows it. The queue
// knows the rest; whatever is remembered here beside it is advice.
type entry struct {
	user webinar.UserID
	row  uint64    // the viewer's lowest row seen
	next time.Time // its own schedule; zero: never tried

	backoff     backoffMode
	notBefore   time.Time // no attempt earlier, whatever the sink does
	failedAt    time.Time // last failure seen in this term; zero: none
	probedAt    time.Time // last probe in this term; zero: none
	suspect     bool      // failed while the sink was up
	pausedUntil time.Time // the queue would not give the row: no use to ask again earlier
	queueErrors int       // queue errors in a row

	inFlight bool   // a turn is under way
	dirty    bool   // rows were seen under the due key meanwhile
	seq      uint64 // of the last change
}

// become makes the entry stand for another row of its viewer, or for the same as
// if it had just been found: nothing is held against it any more.
func (e *entry) resetTo(row uint64, next time.Time) {
	*e = entry{user: e.user, row: row, next: next, seq: e.seq}
}

// readyAt is when the entry may be sent while the sink is up.
func (e *entry) readyAt() time.Time {
	switch e.backoff {
	case backoffNone:
		return e.blockedUntil()
	case backoffCapped:
		return e.probeReadyAt()
	}
	return latest(e.blockedUntil(), e.next)
}

// probeReadyAt is when the entry may be a probe: by its own schedule, but 30 s
// after its last failure at most.
func (e *entry) probeReadyAt() time.Time {
	if e.failedAt.IsZero() {
		return e.blockedUntil()
	}
	return latest(e.blockedUntil(), earliest(e.next, e.failedAt.Add(maxProbePause)))
}

// offLimits is until when the entry is left alone, by the sink's wish or the queue's.
func (e *entry) blockedUntil() time.Time { return latest(e.notBefore, e.pausedUntil) }

// probesBefore orders probes: what was not probed yet comes first, so that no
// message holds up the others; of these the newest, or that with the earliest
// next attempt, the never tried ones by age.
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
