package webinar

import "time"

// Tolerances, in seconds.
const (
	endTolerance   = 2 // a position this close to the end counts as the end
	tolerance      = 3 // how far a report may be ahead of the clock, and how much is cut without setting Clamped
	toleranceAfter = 5 // shorter intervals get no tolerance: over many reports it would add up to a skip
)

// Report is what a player says about its playback.
type Report struct {
	Position int64
	Duration int64 // 0 if the player does not know it
	Ended    bool  // the player reached the end of the video
	Seeked   bool  // the viewer moved the position, so it may go back
}

// applyReport updates position, furthest position and percent of a session, and
// completes it at 100 percent.
func (r Rules) applyReport(s *Session, report Report, result *Result) {
	duration := r.duration(s.Webinar, report.Duration)
	position := report.Position
	if duration > 0 {
		position = min(position, duration)
	}
	if limit := r.limit(s, result.Now); position > limit {
		result.Clamped = position-limit > tolerance
		position = limit
	} else if report.Ended && duration > 0 && r.acceptsEnded(s, position, duration) {
		position = duration
	}
	if report.Seeked || position > s.LastPosition {
		s.LastPosition = position
	}
	s.Furthest = max(s.Furthest, s.LastPosition)
	reached := milestone(s.Furthest, duration)
	s.Percent = max(s.Percent, reached)
	s.touch(result.Now)
	if reached == 100 && !s.Completed {
		s.Completed = true
		completed := newEvent(EventCompleted, result.Viewer.User, s, result.Now, string(s.ID))
		classified := newEvent(EventAttendanceClassified, result.Viewer.User, s, result.Now, string(s.ID), "completed")
		classified.Attended = true
		result.Events = append(result.Events, completed, classified)
	}
}

// limit returns the furthest position that can have been watched by now.
func (r Rules) limit(s *Session, now time.Time) int64 {
	if r.MaxRate == 0 || s.Completed {
		return MaxSeconds
	}
	elapsed := int64(now.Sub(s.LastSeenAt) / time.Second)
	if s.LastSeenAt.IsZero() || elapsed < 0 {
		elapsed = r.Heartbeat
	}
	limit := s.Furthest + int64(float64(elapsed)*r.MaxRate)
	if elapsed >= toleranceAfter {
		limit += tolerance
	}
	return limit
}

// acceptsEnded reports whether Report.Ended may move the session to the end.
// The video may be up to 1 % shorter than its listed duration, but Ended must
// not be a way to skip.
func (r Rules) acceptsEnded(s *Session, position, duration int64) bool {
	return r.MaxRate == 0 || s.Completed || position >= duration-endTolerance-duration/100
}

// milestone returns the highest milestone at or before furthest; 0 if the
// duration is unknown.
func milestone(furthest, duration int64) int {
	if duration <= 0 {
		return 0
	}
	if furthest >= max(duration-endTolerance, 1) {
		return 100
	}
	return int(furthest*4/duration) * 25
}

// duration returns the listed duration of a webinar, or else the claimed one.
func (r Rules) duration(id ID, claimed int64) int64 {
	if listed, ok := r.Durations[id]; ok {
		return listed
	}
	return claimed
}

// ResumeAt returns where the player should start: the last position, or 0 if
// the session is completed and at its end. The claimed duration is the
// request's, 0 if it has none.
func (r Rules) ResumeAt(s Session, claimed int64) int64 {
	if !s.Completed {
		return s.LastPosition
	}
	end := r.duration(s.Webinar, claimed)
	if end == 0 {
		end = s.Furthest
	}
	if s.LastPosition >= end-endTolerance {
		return 0
	}
	return s.LastPosition
}
