package webhook

import (
	"time"

	"autowebinar/internal/webinar"
)

// maxProbePause bounds the time between probes, and that after which a message
// which failed alone is tried again.
const maxProbePause = 30 * time.Second

// sink is what the dispatcher believes of the receiving end. Its zero time
// fields mean "at once"; it begins by probing.
type breaker struct {
	retry    RetryPolicy
	parallel int

	known bool // an attempt of this term has told: failures of one viewer, answered, do not

	up          bool
	limit       int                         // up: sends in flight at most
	acceptedAt  time.Time                   // up: the last acceptance, or when it came up
	failedUsers map[webinar.UserID]struct{} // up, or not known: viewers whose messages failed since

	probeFailures int       // probing: probes that failed in a row
	nextProbe     time.Time // probing: no probe before
	probeNewest   bool      // probing: the next probe is the newest row, not the oldest
}

func newBreaker(retry RetryPolicy, parallel int) *breaker {
	return &breaker{retry: retry, parallel: parallel, failedUsers: map[webinar.UserID]struct{}{}}
}

// accepted notes a 2xx.
func (s *breaker) accepted(now time.Time) {
	if !s.rejected(now) {
		s.limit = min(2*s.limit, s.parallel)
	}
	s.acceptedAt = now
	clear(s.failedUsers)
}

// rejected notes an answer about the message alone: the sink is alive. It says
// whether the sink came up by it.
func (s *breaker) rejected(now time.Time) (recovered bool) {
	if s.up {
		return false
	}
	s.known, s.up, s.limit, s.acceptedAt = true, true, 1, now
	clear(s.failedUsers)
	return true
}

// failure is an attempt with outcome Unavailable.
type failure struct {
	user       webinar.UserID
	probe      bool
	suspect    bool // the message had failed before while others were accepted
	answered   bool // by HTTP, not by silence
	retryAfter time.Duration
}

// failed notes a failure. alone: nobody else has failed since the last
// acceptance, so it may be the message's own fault, or the first sign.
func (s *breaker) failed(now time.Time, f failure) (alone bool) {
	if s.up || !s.known {
		s.failedUsers[f.user] = struct{}{}
	}
	s.known = s.known || !f.answered || len(s.failedUsers) > 1
	if !s.up {
		if f.probe {
			s.probeFailures++
			s.probeNewest = !s.probeNewest // many bad messages may stand at one end of the queue
			s.nextProbe = now.Add(min(s.retry.wait(s.probeFailures), maxProbePause))
		}
		s.nextProbe = latest(s.nextProbe, now.Add(f.retryAfter))
		return false
	}
	telling := !f.suspect || now.Sub(s.acceptedAt) >= maxProbePause
	if telling && (!f.answered || len(s.failedUsers) > 1) {
		s.up, s.probeFailures, s.nextProbe = false, 0, now.Add(f.retryAfter)
		s.probeNewest = true // the older ones have just failed
		return false
	}
	return len(s.failedUsers) == 1
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
