package webhook

import (
	"time"

	"autowebinar/internal/webinar"
)

// maxProbePause is the longest pause between probes, and between attempts of the
// only event that fails.
const maxProbePause = 30 * time.Second

// breaker tracks whether the receiver is available. It starts open. A zero time
// means "immediately".
type breaker struct {
	cfg Config

	known bool // attempts of this run have shown the state; error statuses for a single viewer do not

	closed      bool
	limit       int                         // maximum number of deliveries in flight while closed
	acceptedAt  time.Time                   // last success while closed, or when the breaker closed
	failedUsers map[webinar.UserID]struct{} // closed or not known: viewers with failures since the last success

	probeFailures int       // consecutive failed probes while open
	nextProbe     time.Time // no probe before this time while open
	probeNewest   bool      // the next probe while open is the newest row instead of the oldest
}

// recordAccepted records a success, which closes the breaker.
func (b *breaker) recordAccepted(now time.Time) {
	if !b.recordRejected(now) {
		b.limit = min(2*b.limit, b.cfg.Parallel)
	}
	b.acceptedAt = now
	clear(b.failedUsers)
}

// recordRejected records the rejection of an event, which shows that the
// receiver is available. It reports whether this has closed the breaker.
func (b *breaker) recordRejected(now time.Time) (closed bool) {
	if b.closed {
		return false
	}
	b.known, b.closed, b.limit, b.acceptedAt = true, true, 1, now
	clear(b.failedUsers)
	return true
}

// recordFailure records an attempt whose outcome is Unavailable, which may open the
// breaker. It reports whether the breaker stays closed and no other viewer has failed
// since the last success: then the cause may be the event, or this is the start of an
// outage.
func (b *breaker) recordFailure(now time.Time, res result) (sole bool) {
	responded := res.attempt.Status != 0
	if b.closed || !b.known {
		b.failedUsers[res.entry.user] = struct{}{}
	}
	b.known = b.known || !responded || len(b.failedUsers) > 1
	if !b.closed {
		if res.probe {
			b.probeFailures++
			b.probeNewest = !b.probeNewest
			b.nextProbe = now.Add(min(b.cfg.Retry.pause(b.probeFailures), maxProbePause))
		}
		b.nextProbe = latest(b.nextProbe, now.Add(res.attempt.RetryAfter))
		return false
	}
	conclusive := !res.entry.suspect || now.Sub(b.acceptedAt) >= maxProbePause
	if conclusive && (!responded || len(b.failedUsers) > 1) {
		b.closed, b.probeFailures, b.nextProbe = false, 0, now.Add(res.attempt.RetryAfter)
		b.probeNewest = true // older ones have just failed
		return false
	}
	return len(b.failedUsers) == 1
}
