package webinar

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Rules are the settings that commands depend on.
type Rules struct {
	// Durations lists the site's webinars with their durations in seconds. If
	// it is not empty, only these may be entered and registered for.
	Durations map[ID]int64
	// MaxRate is the highest playback rate that counts as watching. If it is 0,
	// any position is accepted.
	MaxRate float64
	// Heartbeat is the interval in seconds at which players report.
	Heartbeat int64
}

// Enter starts or continues the viewer's session of a webinar and parks the
// session of another one. A new session gets the id newID.
func (r Rules) Enter(v Viewer, id ID, newID SessionID, now time.Time) (Result, error) {
	if !r.allows(id) {
		return Result{}, ErrUnknownWebinar
	}
	if result, err := r.Resume(v, id, now); err == nil {
		return result, nil
	}
	if v.Current != nil && len(v.Parked) >= MaxParked {
		return Result{}, ErrLimitExceeded
	}
	v = v.Clone()
	v.park()
	v.Current = &Session{ID: newID, Webinar: id, StartedAt: now, LastSeenAt: now}
	entered := newEvent(EventEntered, v.User, v.Current, now, string(newID))
	return Result{Viewer: v, Events: []Event{entered}, Session: *v.Current, Now: now, Created: true}, nil
}

// Resume continues an existing session: that of webinar id, or the current one
// if id is empty.
func (r Rules) Resume(v Viewer, id ID, now time.Time) (Result, error) {
	after := v.Clone()
	if err := r.activate(&after, id); err != nil {
		return Result{}, err
	}
	s := after.Current
	s.touch(now)
	return Result{Viewer: after, Session: *s, Before: v.sessionByID(s.ID).clone(), Now: now}, nil
}

// Find returns the session of webinar id, or the current one if id is empty.
func (r Rules) Find(v Viewer, id ID) (Session, error) {
	v = v.Clone()
	s, err := r.findByWebinar(&v, id)
	if err != nil {
		return Session{}, err
	}
	return *s, nil
}

// Progress applies a player's report.
func (r Rules) Progress(v Viewer, ref SessionRef, report Report, now time.Time) (Result, error) {
	return r.update(v, ref, now, func(s *Session, result *Result) {
		r.applyReport(s, report, result)
	})
}

// Exit applies the last report of a visit, if there is one, and records the
// session's first exit.
func (r Rules) Exit(v Viewer, ref SessionRef, report *Report, reason LeaveReason, now time.Time) (Result, error) {
	return r.update(v, ref, now, func(s *Session, result *Result) {
		if report != nil {
			r.applyReport(s, *report, result)
		}
		s.touch(now)
		if s.LeftAt.IsZero() {
			s.LeftAt = now
			left := newEvent(EventLeft, v.User, s, now, string(s.ID))
			left.LeaveReason = reason
			result.Events = append(result.Events, left)
		}
	})
}

// ClickCTA records the first click on the call to action. Without a report it
// does not change LastSeenAt, because the time since then still counts as
// watched when the next report arrives.
func (r Rules) ClickCTA(v Viewer, ref SessionRef, report *Report, now time.Time) (Result, error) {
	return r.update(v, ref, now, func(s *Session, result *Result) {
		if report != nil {
			r.applyReport(s, *report, result)
		}
		if s.CTAClickedAt.IsZero() {
			s.CTAClickedAt = now
		}
	})
}

// Registration announces that a viewer will attend a webinar.
type Registration struct {
	Webinar ID
	Type    Type
	SlotID  string // Live only; may be empty
	Source  string
}

// Register records a registration. Only the first one for a webinar has an
// effect.
func (r Rules) Register(v Viewer, reg Registration, now time.Time) (Result, error) {
	if reg.Type == Auto && !r.allows(reg.Webinar) {
		return Result{}, ErrUnknownWebinar
	}
	v = v.Clone()
	if !v.Registered[reg.Webinar].IsZero() {
		return Result{Viewer: v, Now: now}, nil
	}
	if len(v.Registered) >= MaxRegistrations {
		return Result{}, ErrLimitExceeded
	}
	if v.Registered == nil {
		v.Registered = map[ID]time.Time{}
	}
	v.Registered[reg.Webinar] = now
	registered := newEvent(EventRegistered, v.User, &Session{Webinar: reg.Webinar}, now,
		string(reg.Webinar), strconv.FormatInt(now.Unix(), 10))
	registered.WebinarType, registered.SlotID, registered.Source = reg.Type, reg.SlotID, reg.Source
	return Result{Viewer: v, Events: []Event{registered}, Now: now, Created: true}, nil
}

// Evaluate classifies the attendance of the session of webinar id, or of the
// current one if id is empty. It does not change the session. A repeat with the
// same evaluation id emits the event with the same id and, if the evaluation id
// is a UUIDv7, the same time.
func (r Rules) Evaluate(v Viewer, id ID, evaluation uuid.UUID, now time.Time) (Result, error) {
	return r.emit(v, SessionRef{Webinar: id}, now, func(s *Session) Event {
		event := newEvent(EventAttendanceClassified, v.User, s, eventTime(evaluation, s, now), string(s.ID), evaluation.String())
		event.Attended = s.Completed
		return event
	})
}

// Form is a submitted form. Repeats of one submission have the same SubmissionID.
type Form struct {
	ID           string
	SubmissionID uuid.UUID
	Payload      json.RawMessage // a JSON object, passed on unchanged
}

// SubmitForm emits the event of a form. It does not change the session, and the
// answers are not stored. A repeat with the same submission id emits the event
// with the same id and, if the submission id is a UUIDv7, the same time.
func (r Rules) SubmitForm(v Viewer, ref SessionRef, form Form, now time.Time) (Result, error) {
	return r.emit(v, ref, now, func(s *Session) Event {
		event := newEvent(EventFormSubmitted, v.User, s, eventTime(form.SubmissionID, s, now), form.ID, form.SubmissionID.String())
		event.FormID, event.FormPayload = form.ID, form.Payload
		return event
	})
}

// update applies f to a copy of the session that ref names.
func (r Rules) update(v Viewer, ref SessionRef, now time.Time, f func(*Session, *Result)) (Result, error) {
	after := v.Clone()
	s, err := r.find(&after, ref)
	switch {
	case errors.Is(err, ErrSessionMismatch):
		return Result{}, &SessionMismatchError{Current: after.Current, Now: now}
	case err != nil:
		return Result{}, err
	case s.Webinar == "":
		return Result{}, ErrWebinarRequired // an event must name its webinar
	}
	result := Result{Viewer: after, Before: v.sessionByID(s.ID).clone(), Now: now}
	f(s, &result)
	result.Session = *s
	return result, nil
}

// emit adds one event about the session that ref names.
func (r Rules) emit(v Viewer, ref SessionRef, now time.Time, event func(*Session) Event) (Result, error) {
	return r.update(v, ref, now, func(s *Session, result *Result) {
		result.Events = []Event{event(s)}
	})
}

// maxClockSkew is how far the clock of a client may be ahead of the service's.
const maxClockSkew = 5 * time.Minute

// eventTime returns the time of a command that may be repeated but leaves no
// trace in the viewer: the time in its id if that is a UUIDv7, since repeats
// have the same id, but not before the session started; otherwise now.
func eventTime(id uuid.UUID, s *Session, now time.Time) time.Time {
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

func (r Rules) allows(id ID) bool {
	if len(r.Durations) == 0 {
		return true
	}
	_, ok := r.Durations[id]
	return ok
}
