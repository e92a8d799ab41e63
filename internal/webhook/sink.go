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
type sink struct {
	retry    RetryPolicy
	parallel int

	known bool // an attempt of this term has told: failures of one viewer, answered, do not

	up         bool
	limit      int                         // up: sends in flight at most
	acceptedAt time.Time                   // up: the last acceptance, or when it came up
	failing    map[webinar.UserID]struct{} // up, or not known: viewers whose messages failed since

	streak  int       // probing: probes that failed in a row
	probeAt time.Time // probing: no probe before
	newest  bool      // probing: the next probe is the newest row, not the oldest
}

func newSink(retry RetryPolicy, parallel int) *sink {
	return &sink{retry: retry, parallel: parallel, failing: map[webinar.UserID]struct{}{}}
}

// accepted notes a 2xx.
func (s *sink) accepted(now time.Time) {
	if !s.rejected(now) {
		s.limit = min(2*s.limit, s.parallel)
	}
	s.acceptedAt = now
	clear(s.failing)
}

// rejected notes an answer about the message alone: the sink is alive. It says
// whether the sink came up by it.
func (s *sink) rejected(now time.Time) (recovered bool) {
	if s.up {
		return false
	}
	s.known, s.up, s.limit, s.acceptedAt = true, true, 1, now
	clear(s.failing)
	return true
}

// failure is an attempt with outcome Unavailable.
type failure struct {
	user       webinar.UserID
	probe      bool
	blamed     bool // the message had failed before while others were accepted
	answered   bool // by HTTP, not by silence
	retryAfter time.Duration
}

// failed notes a failure. alone: nobody else has failed since the last
// acceptance, so it may be the message's own fault, or the first sign.
func (s *sink) failed(now time.Time, f failure) (alone bool) {
	if s.up || !s.known {
		s.failing[f.user] = struct{}{}
	}
	s.known = s.known || !f.answered || len(s.failing) > 1
	if !s.up {
		if f.probe {
			s.streak++
			s.newest = !s.newest // many bad messages may stand at one end of the queue
			s.probeAt = now.Add(min(s.retry.wait(s.streak), maxProbePause))
		}
		s.probeAt = latest(s.probeAt, now.Add(f.retryAfter))
		return false
	}
	telling := !f.blamed || now.Sub(s.acceptedAt) >= maxProbePause
	if telling && (!f.answered || len(s.failing) > 1) {
		s.up, s.streak, s.probeAt = false, 0, now.Add(f.retryAfter)
		s.newest = true // the older ones have just failed
		return false
	}
	return len(s.failing) == 1
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
