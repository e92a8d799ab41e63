package torture

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"autowebinar/internal/webinar"
)

// session returns the session that the request names, or nil.
func (u *untrackedRequest) session(v webinar.Viewer) *webinar.Session {
	sessions := slices.Collect(maps.Values(v.Parked))
	if v.Current != nil {
		sessions = append(sessions, v.Current)
	}
	for _, session := range sessions {
		if u.request.session == session.ID || u.request.session == "" && u.webinar == session.Webinar {
			return session
		}
	}
	return nil
}

func (u *untrackedRequest) eventID(v webinar.Viewer) string {
	session := u.session(v)
	switch {
	case session == nil:
		return ""
	case u.route == form:
		return webinar.EventID(webinar.EventFormSubmitted, u.user, formID, u.id.String()).String()
	}
	return webinar.EventID(webinar.EventAttendanceClassified, u.user, string(session.ID), u.id.String()).String()
}

// allows reports whether these may be bodies of the request's event. The attendance in
// them is not checked. Redeliveries have the same time unless the database's clock was
// set in between.
func (u *untrackedRequest) allows(v webinar.Viewer, bodies [][]byte, c *clock) bool {
	offsets := c.offsets()
	var first time.Time
	for _, got := range bodies {
		at, ok := u.allowsBody(v, got, offsets)
		if first.IsZero() {
			first = at
		}
		if !ok || len(offsets) == 1 && !at.Equal(first) {
			return false
		}
	}
	return true
}

func (u *untrackedRequest) allowsBody(v webinar.Viewer, got []byte, offsets []time.Duration) (at time.Time, ok bool) {
	var decoded struct{ Timestamp time.Time }
	session := u.session(v)
	if json.Unmarshal(got, &decoded) != nil || session == nil {
		return at, false
	}
	e := webinar.Event{
		Type: webinar.EventAttendanceClassified, User: u.user, At: decoded.Timestamp, Webinar: session.Webinar,
		WebinarType: webinar.Auto, Session: session.ID, Attended: attended(got),
	}
	if u.route == form {
		e.Type, e.FormID, e.FormPayload = webinar.EventFormSubmitted, formID, json.RawMessage(formPayload)
	}
	from, until := u.sent, u.acked
	if created := time.Unix(u.id.Time().UnixTime()); u.id.Version() == 7 && created.Before(from) {
		from = created // the event takes its time from the id
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
