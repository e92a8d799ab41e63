package webinar

import "time"

// The tolerances of the rules, in seconds.
const (
	nearEnd    = 2 // this close to the end is the end
	slack      = 3 // what a report may be ahead of the clock, and what is cut without a word
	slackAfter = 5 // quick reports get no slack: many of them would add up to a skip
)

var marks = []int{75, 50, 25}

// watch applies a report to position, furthest position and percent, and
// reports whether the position was cut noticeably.
func (r Rules) watch(s *Session, report Report, now time.Time) (clamped bool) {
	duration := r.duration(s.Webinar, report.Duration)
	position := report.Position
	if duration > 0 {
		position = min(position, duration)
	}
	if limit := r.limit(s, now); position > limit {
		clamped = position-limit > slack
		position = limit
	} else if report.Ended && duration > 0 && r.nearEnough(s, position, duration) {
		position = duration
	}
	if report.Seeked || position > s.LastPosition {
		s.LastPosition = position
	}
	s.Furthest = max(s.Furthest, s.LastPosition)
	s.Percent = max(s.Percent, mark(s.Furthest, duration))
	return clamped
}

// limit is the furthest position that can have been watched by now.
func (r Rules) limit(s *Session, now time.Time) int64 {
	if r.MaxRate == 0 || s.Completed {
		return MaxSeconds
	}
	elapsed := int64(now.Sub(s.LastSeenAt) / time.Second)
	if s.LastSeenAt.IsZero() || elapsed < 0 {
		elapsed = r.Heartbeat
	}
	limit := s.Furthest + int64(float64(elapsed)*r.MaxRate)
	if elapsed >= slackAfter {
		limit += slack
	}
	return limit
}

// nearEnough tells whether a player's "ended" at position is believed: the
// listed duration may be off by a hundredth, but ending is no way to skip.
func (r Rules) nearEnough(s *Session, position, duration int64) bool {
	return r.MaxRate == 0 || s.Completed || position >= duration-nearEnd-duration/100
}

// mark is the highest mark that has been crossed. With no duration known there
// are no marks.
func mark(furthest, duration int64) int {
	if duration <= 0 {
		return 0
	}
	if furthest >= max(duration-nearEnd, 1) {
		return 100
	}
	for _, m := range marks {
		if furthest*100 >= int64(m)*duration {
			return m
		}
	}
	return 0
}

// completion notes the first 100 and returns its two events.
func (r Rules) completion(v *Viewer, s *Session, report Report, now time.Time) []Event {
	if s.Completed || mark(s.Furthest, r.duration(s.Webinar, report.Duration)) < 100 {
		return nil
	}
	s.Completed = true
	completed := v.event(EventCompleted, s, now, string(s.ID))
	classified := v.event(EventAttendanceClassified, s, now, string(s.ID), "completed")
	classified.Attended = true
	return []Event{completed, classified}
}

// duration is the listed duration, else the one the request claims, else 0.
func (r Rules) duration(id ID, claimed int64) int64 {
	if listed, ok := r.Durations[id]; ok {
		return listed
	}
	return claimed
}

// ResumeAt is where the player should start: the last position, or the
// beginning for a second viewing. Duration is the request's, 0 if it has none.
func (r Rules) ResumeAt(s Session, duration int64) int64 {
	if !s.Completed {
		return s.LastPosition
	}
	end := r.duration(s.Webinar, duration)
	if end == 0 {
		end = s.Furthest
	}
	if s.LastPosition >= end-nearEnd {
		return 0
	}
	return s.LastPosition
}
