package usermeta

import (
	"math"
	"strconv"
	"strings"
	"time"

	"autowebinar/internal/webinar"
)

// The meta keys of sessions. The first seven are the contract's, the others the
// service's own. Package outbox has those of the outbox.
const (
	namespace = "autowebinar_"

	keySessionID    = namespace + "session_id"
	keyStartedAt    = namespace + "started_at"
	keyLastPosition = namespace + "last_position_sec"
	keyPercent      = namespace + "progress_percent"
	keyCompleted    = namespace + "completed"
	keyCTAClickedAt = namespace + "cta_clicked_at"
	keyLastSeenAt   = namespace + "last_seen_at"
	keyWebinarID    = namespace + "webinar_id"
	keyFurthest     = namespace + "furthest_sec"
	keyLeftAt       = namespace + "left_at"

	keyRegistered = namespace + "registered" // always with @<webinar id>
)

// sessionKeys are the keys of one session. In a parked session each has the
// suffix "@<webinar id>".
var sessionKeys = []string{
	keySessionID, keyWebinarID, keyStartedAt, keyLastPosition, keyFurthest,
	keyPercent, keyCompleted, keyCTAClickedAt, keyLastSeenAt, keyLeftAt,
}

// splitKey splits "key@webinar"; a plain key has no webinar.
func splitKey(key string) (base string, id webinar.ID) {
	base, suffix, found := strings.Cut(key, "@")
	if !found {
		return key, ""
	}
	return base, webinar.ID(suffix)
}

func joinKey(base string, id webinar.ID) string {
	if id == "" {
		return base
	}
	return base + "@" + string(id)
}

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

// parseNumber parses a decimal from 0 to most, as PHP prints integers and floats.
// No value means 0.
func parseNumber(value string, most float64) (number float64, ok bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, true
	}
	number, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(number) || number < 0 || number > most {
		return 0, false
	}
	return number, true
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
	var number float64
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
		number, ok = parseNumber(value, webinar.MaxSeconds)
		s.LastPosition = int64(number)
	case keyFurthest:
		number, ok = parseNumber(value, webinar.MaxSeconds)
		s.Furthest = int64(number)
	case keyPercent:
		number, ok = parseNumber(value, 100)
		s.Percent = int(number) / 25 * 25 // the milestone below
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
