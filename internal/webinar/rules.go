package webinar

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Rules are the settings that the rules of a session depend on.
type Rules struct {
	// Durations lists the site's webinars in seconds. Where it is not empty,
	// only these may be entered and registered for.
	Durations map[ID]int64
	// MaxRate is the highest playback rate that counts as watching; 0 lets any
	// position pass.
	MaxRate float64
	// Heartbeat is how often a player reports, in seconds.
	Heartbeat int64
}

// Report is what a player says about playback. Duration 0 means not said.
type Report struct {
	Position int64
	Duration int64
	Ended    bool
	Seeked   bool
}

// Result is what a command led to. Viewer and Events belong together: they are
// stored in one commit.
type Result struct {
	Viewer  Viewer
	Events  []Event
	Session Session // the session that the command named
	Created bool    // the session or registration is new
	Clamped bool    // the reported position was cut by more than the tolerance
}

// Enter begins or continues the viewer's session of a webinar. The session of
// another webinar is set aside whole; newID names the session if one is made.
func (r Rules) Enter(v Viewer, id ID, newID SessionID, now time.Time) (Result, error) {
	if !r.lists(id) {
		return Result{}, ErrUnknownWebinar
	}
	v = v.Clone()
	if r.bring(&v, id) == nil {
		v.Current.touch(now)
		return Result{Viewer: v, Session: *v.Current}, nil
	}
	if v.Current != nil && len(v.Parked) >= MaxAside {
		return Result{}, ErrLimitExceeded
	}
	v.setAside()
	v.Current = &Session{ID: newID, Webinar: id, StartedAt: now, LastSeenAt: now}
	entered := v.event(EventEntered, v.Current, now, string(newID))
	return Result{Viewer: v, Events: []Event{entered}, Session: *v.Current, Created: true}, nil
}

// Resume continues a session that exists: the current one, or that of the
// webinar named.
func (r Rules) Resume(v Viewer, id ID, now time.Time) (Result, error) {
	v = v.Clone()
	if err := r.bring(&v, id); err != nil {
		return Result{}, err
	}
	v.Current.touch(now)
	return Result{Viewer: v, Session: *v.Current}, nil
}

// Look returns the session named, without any change.
func (r Rules) Find(v Viewer, id ID) (Session, error) {
	v = v.Clone()
	s, err := r.findByWebinar(&v, id)
	if err != nil {
		return Session{}, err
	}
	return *s, nil
}

// Progress applies a player's report.
func (r Rules) Progress(v Viewer, w SessionRef, report Report, now time.Time) (Result, error) {
	v = v.Clone()
	s, err := r.findNamed(&v, w)
	if err != nil {
		return Result{}, err
	}
	result := Result{}
	result.Clamped = r.watch(s, report, now)
	s.touch(now)
	result.Events = r.completion(&v, s, report, now)
	result.Viewer, result.Session = v, *s
	return result, nil
}

// Exit applies the last report of a visit, if there is one, and notes the
// session's first exit.
func (r Rules) Exit(v Viewer, w SessionRef, report *Report, reason LeaveReason, now time.Time) (Result, error) {
	v = v.Clone()
	s, err := r.findNamed(&v, w)
	if err != nil {
		return Result{}, err
	}
	result := Result{}
	if report != nil {
		result.Clamped = r.watch(s, *report, now)
		result.Events = r.completion(&v, s, *report, now)
	}
	s.touch(now)
	if s.LeftAt.IsZero() {
		s.LeftAt = now
		left := v.event(EventLeft, s, now, string(s.ID))
		left.LeaveReason = reason
		result.Events = append(result.Events, left)
	}
	result.Viewer, result.Session = v, *s
	return result, nil
}

// ClickCTA notes the first click on the call to action. Without a position it
// does not move the clock: that would take away the time watched since the last
// report.
func (r Rules) ClickCTA(v Viewer, w SessionRef, report *Report, now time.Time) (Result, error) {
	v = v.Clone()
	s, err := r.findNamed(&v, w)
	if err != nil {
		return Result{}, err
	}
	result := Result{}
	if report != nil {
		result.Clamped = r.watch(s, *report, now)
		s.touch(now)
		result.Events = r.completion(&v, s, *report, now)
	}
	if s.CTAClickedAt.IsZero() {
		s.CTAClickedAt = now
	}
	result.Viewer, result.Session = v, *s
	return result, nil
}

// Registration is a viewer's wish to attend a webinar.
type Registration struct {
	Webinar ID
	Type    Type
	SlotID  string // live only; may be empty
	Source  string
}

// Register notes a registration; only the first one of a webinar is a fact.
func (r Rules) Register(v Viewer, reg Registration, now time.Time) (Result, error) {
	if reg.Type == Auto && !r.lists(reg.Webinar) {
		return Result{}, ErrUnknownWebinar
	}
	v = v.Clone()
	if !v.Registered[reg.Webinar].IsZero() {
		return Result{Viewer: v}, nil
	}
	if len(v.Registered) >= MaxRegistrations {
		return Result{}, ErrLimitExceeded
	}
	if v.Registered == nil {
		v.Registered = map[ID]time.Time{}
	}
	v.Registered[reg.Webinar] = now
	event := Event{
		ID:   EventID(EventRegistered, v.User, string(reg.Webinar), strconv.FormatInt(now.Unix(), 10)),
		Type: EventRegistered, User: v.User, At: now, Webinar: reg.Webinar,
		WebinarType: reg.Type, SlotID: reg.SlotID, Source: reg.Source,
	}
	return Result{Viewer: v, Events: []Event{event}, Created: true}, nil
}

// Evaluate classifies the attendance of a session that was entered: the current
// one, or that of the webinar named. Repeats of one evaluation carry one id and,
// where that is a UUIDv7, one time.
func (r Rules) Evaluate(v Viewer, id ID, evaluation uuid.UUID, now time.Time) (Result, error) {
	v = v.Clone()
	s, err := r.findNamed(&v, SessionRef{Webinar: id})
	if err != nil {
		return Result{}, err
	}
	event := v.event(EventAttendanceClassified, s, occurred(evaluation, s, now), string(s.ID), evaluation.String())
	event.Attended = s.Completed
	return Result{Viewer: v, Events: []Event{event}, Session: *s}, nil
}

// Form is a filled-in form. Submission tells a repeat from another filling-in.
type Form struct {
	ID           string
	SubmissionID uuid.UUID
	Payload      json.RawMessage // a JSON object, passed on as it is
}

// Submit makes the event of a form. It changes nothing: answers are not stored.
// Repeats of one submission carry one id and, where that is a UUIDv7, one time.
func (r Rules) SubmitForm(v Viewer, w SessionRef, form Form, now time.Time) (Result, error) {
	v = v.Clone()
	s, err := r.findNamed(&v, w)
	if err != nil {
		return Result{}, err
	}
	event := v.event(EventFormSubmitted, s, occurred(form.SubmissionID, s, now), form.ID, form.SubmissionID.String())
	event.FormID, event.FormPayload = form.ID, form.Payload
	return Result{Viewer: v, Events: []Event{event}, Session: *s}, nil
}

// maxClockSkew is how far the clock of whoever made an id may be ahead of ours.
const maxClockSkew = 5 * time.Minute

// occurred is when something happened that a caller may repeat and that no row
// remembers. Only the caller's id is the same in every repeat, so if it holds a
// time (UUIDv7) that is the one, but not before the session began.
func occurred(id uuid.UUID, s *Session, now time.Time) time.Time {
	if id.Version() != 7 {
		return now
	}
	at := time.Unix(id.Time().UnixTime()).UTC().Truncate(time.Second)
	switch {
	case at.After(now.Add(maxClockSkew)):
		return now
	case at.Before(s.StartedAt):
		return s.StartedAt
	}
	return at
}

func (r Rules) lists(id ID) bool {
	if len(r.Durations) == 0 {
		return true
	}
	_, ok := r.Durations[id]
	return ok
}

func (v *Viewer) event(t EventType, s *Session, now time.Time, parts ...string) Event {
	return Event{
		ID: EventID(t, v.User, parts...), Type: t, User: v.User, At: now,
		Webinar: s.Webinar, WebinarType: Auto, Session: s.ID,
	}
}
