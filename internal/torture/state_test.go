package torture

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"autowebinar/internal/webinar"
)

// expectedEvent is an event that the receiver must have under exactly one webhook id.
type expectedEvent struct {
	event    webinar.Event
	idSuffix string    // part of the id after the session
	earliest time.Time // by the tests' clock; the event is created later
	latest   time.Time // by the tests' clock; the event is created earlier; zero if unknown
}

// key is equal for events that result from the same change.
func (e expectedEvent) key() string {
	return fmt.Sprintf("%s/%s/%s/%d/%s ", e.event.Type, e.event.Session, e.event.Webinar, e.event.At.Unix(), e.event.LeaveReason)
}

// outcome is the effect of applying a request.
type outcome struct {
	session    webinar.Session
	registered time.Time
	created    bool
	clamped    bool
	err        error
}

// state is a state that a viewer may be in, and the events that led to it.
type state struct {
	viewer     webinar.Viewer
	events     []expectedEvent
	lastChange time.Time        // by the database's clock
	notBefore  time.Time        // by the tests' clock; the next change is applied later
	applied    map[int]struct{} // attempts that have been applied and are not answered yet
}

// apply returns the state after an attempt that is applied at a time of the
// database's clock. A new session gets the given id.
func (st *state) apply(a *attempt, now time.Time, id webinar.SessionID) (*state, outcome) {
	result, err := a.apply(st.viewer, id, now)
	if err != nil {
		return st, outcome{err: err}
	}
	out := outcome{session: result.Session, created: result.Created, clamped: result.Clamped}
	if a.route == register {
		out.registered = result.Viewer.Registered[a.webinar]
	}
	next := *st
	next.viewer, next.events = result.Viewer, slices.Clip(st.events)
	if a.changes() {
		next.lastChange = now
	}
	for _, event := range result.Events {
		e := expectedEvent{event: event, earliest: a.sent}
		if !a.unanswered() {
			e.latest = a.ended
		}
		if event.Type == webinar.EventAttendanceClassified {
			e.idSuffix = "completed"
		}
		next.events = append(next.events, e)
	}
	return &next, out
}

// withApplied returns the state with an attempt added to the applied ones.
func (st *state) withApplied(a *attempt) *state {
	next := *st
	next.applied = maps.Clone(st.applied)
	if next.applied == nil {
		next.applied = map[int]struct{}{}
	}
	next.applied[a.n] = struct{}{}
	return &next
}

func (st *state) hasApplied(a *attempt) bool {
	_, applied := st.applied[a.n]
	return applied
}

// afterResponse returns the state after the response to an attempt.
func (st *state) afterResponse(a *attempt) *state {
	next := *st
	next.notBefore = a.sent
	next.applied = maps.Clone(st.applied)
	delete(next.applied, a.n)
	return &next
}

// explains reports whether the service responds to the outcome as it did to the attempt.
func (o outcome) explains(a *attempt) bool {
	r := a.response
	if o.err != nil {
		return statusOf(o.err) == r.status
	}
	want := http.StatusOK
	if o.created {
		want = http.StatusCreated
	}
	s := o.session
	switch {
	case r.status != want:
		return false
	case a.route == register:
		return timeOf(r.RegisteredAt).Equal(o.registered)
	}
	return s.ID == r.SessionID && s.Webinar == r.WebinarID && s.LastPosition == r.LastPosition && s.Furthest == r.Furthest &&
		s.Percent == r.Percent && s.Completed == r.Completed && o.clamped == r.Clamped &&
		s.StartedAt.Equal(timeOf(r.StartedAt)) && s.CTAClickedAt.Equal(timeOf(r.CTAClickedAt)) &&
		s.LastSeenAt.Equal(timeOf(r.LastSeenAt)) && rules().ResumeAt(s, 0) == r.ResumeAt
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, webinar.ErrNoSession):
		return http.StatusNotFound
	case errors.Is(err, webinar.ErrSessionMismatch):
		return http.StatusConflict
	case errors.Is(err, webinar.ErrLimitExceeded):
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// describe returns a line about a viewer. It is equal for equal viewers.
func describe(v webinar.Viewer) string {
	var b strings.Builder
	session := func(mark string, s *webinar.Session) {
		fmt.Fprintf(&b, "%s[%s %s start=%s pos=%d far=%d %d%% %t cta=%s seen=%s left=%s] ", mark, s.Webinar, s.ID,
			clockTime(s.StartedAt), s.LastPosition, s.Furthest, s.Percent, s.Completed,
			clockTime(s.CTAClickedAt), clockTime(s.LastSeenAt), clockTime(s.LeftAt))
	}
	if v.Current != nil {
		session("*", v.Current)
	}
	for _, id := range slices.Sorted(maps.Keys(v.Parked)) {
		session("", v.Parked[id])
	}
	for _, id := range slices.Sorted(maps.Keys(v.Registered)) {
		fmt.Fprintf(&b, "registered@%s=%s ", id, clockTime(v.Registered[id]))
	}
	return b.String()
}

func clockTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateTime)
}

// key is equal for states that have the same events and can lead to the same
// states.
func (st *state) key() string {
	var b strings.Builder
	b.WriteString(describe(st.viewer))
	for _, e := range st.events {
		b.WriteString(e.key())
	}
	for _, n := range slices.Sorted(maps.Keys(st.applied)) {
		fmt.Fprintf(&b, "%d ", n)
	}
	return b.String()
}
