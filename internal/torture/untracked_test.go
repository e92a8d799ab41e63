package torture

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"autowebinar/internal/webinar"
)

// session returns the session that the request is about.
func (s *untrackedRequest) session(v webinar.Viewer) *webinar.Session {
	sessions := slices.Collect(maps.Values(v.Parked))
	if v.Current != nil {
		sessions = append(sessions, v.Current)
	}
	for _, session := range sessions {
		if s.request.session == session.ID || s.request.session == "" && s.webinar == session.Webinar {
			return session
		}
	}
	return nil
}

func (s *untrackedRequest) eventID(v webinar.Viewer) string {
	session := s.session(v)
	switch {
	case session == nil:
		return ""
	case s.route == form:
		return webinar.EventID(webinar.EventFormSubmitted, s.user, formID, s.id.String()).String()
	}
	return webinar.EventID(webinar.EventAttendanceClassified, s.user, string(session.ID), s.id.String()).String()
}

// allows reports whether these may be bodies of the request's event, whatever
// attendance they tell. Repeats have the same time unless the database's clock was
// stepped.
func (s *untrackedRequest) allows(v webinar.Viewer, bodies [][]byte, c *clock) bool {
	offsets := c.offsets()
	var first time.Time
	for _, got := range bodies {
		at, ok := s.allowsOne(v, got, offsets)
		if first.IsZero() {
			first = at
		}
		if !ok || len(offsets) == 1 && !at.Equal(first) {
			return false
		}
	}
	return true
}

func (s *untrackedRequest) allowsOne(v webinar.Viewer, got []byte, offsets []time.Duration) (at time.Time, ok bool) {
	var decoded struct{ Timestamp time.Time }
	session := s.session(v)
	if json.Unmarshal(got, &decoded) != nil || session == nil {
		return at, false
	}
	e := webinar.Event{
		Type: webinar.EventAttendanceClassified, User: s.user, At: decoded.Timestamp, Webinar: session.Webinar,
		WebinarType: webinar.Auto, Session: session.ID, Attended: attended(got),
	}
	if s.route == form {
		e.Type, e.FormID, e.FormPayload = webinar.EventFormSubmitted, formID, json.RawMessage(formPayload)
	}
	from, until := s.sent, s.acked
	if made := time.Unix(s.id.Time().UnixTime()); s.id.Version() == 7 && made.Before(from) {
		from = made // the event takes its time from the id
	}
	if until.IsZero() {
		until = time.Now()
	}
	in := decoded.Timestamp.Equal(session.StartedAt) // the clock may have been behind then
	for _, offset := range offsets {
		in = in || decoded.Timestamp.After(from.Add(offset-time.Second)) && decoded.Timestamp.Before(until.Add(offset+time.Second))
	}
	return decoded.Timestamp, in && bytes.Equal(body(e), got)
}

// attended returns the attendance in the body of an evaluation's event.
func attended(got []byte) bool {
	var decoded struct {
		Data struct{ Attended bool }
	}
	return json.Unmarshal(got, &decoded) == nil && decoded.Data.Attended
}
