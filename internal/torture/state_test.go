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

// fact is an event that must be at the sink, once in effect.
type expectedEvent struct {
	event    webinar.Event
	idSuffix string    // what the id is made of beside the session
	earliest time.Time // not before
	latest   time.Time // not after, as far as anybody was told; zero: nobody was
}

// outcome is what an attempt led to.
type outcome struct {
	session    webinar.Session
	registered time.Time
	created    bool
	clamped    bool
	err        error
}

// world is one state that a viewer may be in, and how they came there.
type state struct {
	viewer     webinar.Viewer
	facts      []expectedEvent
	lastChange time.Time        // the database's time of the latest change
	notBefore  time.Time        // ours, before which nothing more can happen
	applied    map[int]struct{} // attempts under way that are through
}

// apply is the world after an attempt at a time. id names a session that it makes.
func (w *state) apply(a *attempt, now time.Time, id webinar.SessionID) (*state, outcome) {
	result, err := a.apply(w.viewer, id, now)
	if err != nil {
		return w, outcome{err: err}
	}
	out := outcome{session: result.Session, created: result.Created, clamped: result.Clamped}
	if a.route == register {
		out.registered = result.Viewer.Registered[a.webinar]
	}
	next := *w
	next.viewer, next.facts = result.Viewer, slices.Clip(w.facts)
	if a.changes() {
		next.lastChange = now
	}
	for _, e := range result.Events {
		f := expectedEvent{event: e, earliest: a.sent}
		if !a.unanswered() {
			f.latest = a.ended
		}
		if e.Type == webinar.EventAttendanceClassified {
			f.idSuffix = "completed"
		}
		next.facts = append(next.facts, f)
	}
	return &next, out
}

// through is the world in which an attempt needs nothing more.
func (w *state) withApplied(a *attempt) *state {
	next := *w
	next.applied = maps.Clone(w.applied)
	if next.applied == nil {
		next.applied = map[int]struct{}{}
	}
	next.applied[a.n] = struct{}{}
	return &next
}

func (w *state) hasApplied(a *attempt) bool {
	_, through := w.applied[a.n]
	return through
}

// after is the world once an attempt has been answered.
func (w *state) afterResponse(a *attempt) *state {
	next := *w
	next.notBefore = a.sent
	next.applied = maps.Clone(w.applied)
	delete(next.applied, a.n)
	return &next
}

// explains tells whether the outcome gives the answer.
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

// describe is a viewer in a line, the same for the same.
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
	return t.UTC().Format("2006-01-02 15:04:05")
}

// key is the same for worlds with the same past, as far as it counts, and the
// same future.
func (w *state) key() string {
	var b strings.Builder
	b.WriteString(describe(w.viewer))
	for _, f := range w.facts {
		fmt.Fprintf(&b, "%s/%s/%s/%d/%s ", f.event.Type, f.event.Session, f.event.Webinar, f.event.At.Unix(), f.event.LeaveReason)
	}
	for _, n := range slices.Sorted(maps.Keys(w.applied)) {
		fmt.Fprintf(&b, "%d ", n)
	}
	return b.String()
}
