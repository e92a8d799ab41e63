package usermeta

import (
	"math"
	"strconv"
	"strings"
	"time"

	"autowebinar/internal/webinar"
)

// formatTime formats a time as WordPress's current_time('mysql', true) does.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

// parseTime parses a datetime as WordPress writes it, RFC 3339 or Unix seconds.
// The result is UTC in whole seconds; the zero time means absent. ok is false for
// a value that cannot be read.
func parseTime(value string) (t time.Time, ok bool) {
	value = strings.TrimSpace(value)
	if value == "" || value == "0" || value == "0000-00-00 00:00:00" {
		return time.Time{}, true
	}
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		t = time.Unix(seconds, 0)
	} else if t, err = time.Parse(time.DateTime, value); err != nil {
		if t, err = time.Parse(time.RFC3339, value); err != nil {
			return time.Time{}, false
		}
	}
	t = t.UTC().Truncate(time.Second)
	if t.Year() < 1971 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t, true
}

// parseSeconds parses a position: a decimal, as PHP prints integers and floats.
func parseSeconds(value string) (seconds int64, ok bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, true
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > webinar.MaxSeconds {
		return 0, false
	}
	return int64(f), true
}

// parsePercent parses a progress milestone; a number in between counts as the
// milestone below.
func parsePercent(value string) (percent int, ok bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, true
	}
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > 100 {
		return 0, false
	}
	return int(n) / 25 * 25, true
}

// parseBool converts a string to a boolean as PHP does.
func parseBool(value string) bool { return value != "" && value != "0" }

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

// encode returns the value of one key of a session; empty means that no row is
// needed.
func encode(s *webinar.Session, base string) string {
	switch base {
	case keySessionID:
		return string(s.ID)
	case keyWebinarID:
		return string(s.Webinar)
	case keyStartedAt:
		return formatTime(s.StartedAt)
	case keyLastPosition:
		return formatInt(s.LastPosition)
	case keyFurthest:
		return formatInt(s.Furthest)
	case keyPercent:
		return formatInt(int64(s.Percent))
	case keyCompleted:
		if s.Completed {
			return "1"
		}
		return ""
	case keyCTAClickedAt:
		return formatTime(s.CTAClickedAt)
	case keyLastSeenAt:
		return formatTime(s.LastSeenAt)
	case keyLeftAt:
		return formatTime(s.LeftAt)
	}
	return ""
}

// decode sets the field of one key. It returns false for a value that cannot be
// read, which counts as absent.
func decode(s *webinar.Session, base, value string) (ok bool) {
	ok = true
	switch base {
	case keySessionID:
		s.ID = webinar.SessionID(value)
	case keyWebinarID:
		if ok = value == "" || webinar.IDPattern.MatchString(value); ok {
			s.Webinar = webinar.ID(value)
		}
	case keyStartedAt:
		s.StartedAt, ok = parseTime(value)
	case keyLastPosition:
		s.LastPosition, ok = parseSeconds(value)
	case keyFurthest:
		s.Furthest, ok = parseSeconds(value)
	case keyPercent:
		s.Percent, ok = parsePercent(value)
	case keyCompleted:
		s.Completed = parseBool(value)
	case keyCTAClickedAt:
		s.CTAClickedAt, ok = parseTime(value)
	case keyLastSeenAt:
		s.LastSeenAt, ok = parseTime(value)
	case keyLeftAt:
		s.LeftAt, ok = parseTime(value)
	}
	return ok
}
