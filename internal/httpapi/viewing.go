package httpapi

import (
	"errors"
	"net/http"
	"time"

	"autowebinar/internal/webinar"
)

// rule is a command of the domain, ready to be applied.
type command func(v webinar.Viewer, now time.Time) (webinar.Result, error)

// apply runs a rule on the viewer of a request and stores what it leads to.
func (a *API) runCommand(r *request, f command) (result webinar.Result, now time.Time, err error) {
	var current *webinar.Session
	var step SessionChange
	err = a.cfg.Viewers.Change(r.Context(), r.user, func(v webinar.Viewer, at time.Time) (webinar.Viewer, []webinar.Event, error) {
		var err error
		current, now = v.Current, at
		if result, err = f(v, at); err != nil {
			return v, nil, err
		}
		if a.cfg.Forms == nil {
			result.Events = nil // no sink: an event row would never leave
		}
		step = stepOf(v, r.report, result)
		return result.Viewer, result.Events, nil
	})
	if errors.Is(err, webinar.ErrSessionMismatch) {
		var view *sessionView
		if current != nil {
			v := a.view(*current, now, 0)
			view = &v
		}
		p := errSessionMismatch.withCause(err)
		p.session = &view
		return result, now, p
	}
	if err == nil {
		a.observer.SessionChanged(step)
	}
	return result, now, err
}

// answer applies a rule and shows the session that it named.
func (a *API) respondSession(r *request, f command) (reply, error) {
	result, now, err := a.runCommand(r, f)
	if err != nil {
		return reply{}, err
	}
	noteEvents(r.Request, result.Events)
	view := a.view(result.Session, now, r.claimedDuration())
	view.Clamped = result.Clamped
	status := http.StatusOK
	if result.Created {
		status = http.StatusCreated
	}
	return reply{status, view}, nil
}

func (a *API) enter(r *request) (reply, error) {
	r.body.require("webinar_id")
	id := r.body.webinarID("webinar_id")
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	newID, err := newSessionID()
	if err != nil {
		return reply{}, err
	}
	return a.respondSession(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Enter(v, id, newID, now)
	})
}

func (a *API) progress(r *request) (reply, error) {
	which := r.body.sessionRef()
	r.body.require("position_sec")
	r.report = r.body.report()
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	return a.respondSession(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Progress(v, which, *r.report, now)
	})
}

func (a *API) exit(r *request) (reply, error) {
	which := r.body.sessionRef()
	r.report = r.body.report()
	reason := webinar.LeaveReason(r.body.oneOf("leave_reason",
		string(webinar.UserExit), string(webinar.SessionEnd), string(webinar.NetworkLoss)))
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	return a.respondSession(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Exit(v, which, r.report, reason, now)
	})
}

// claimedDuration is what the player said, 0 if it said nothing.
func (r *request) claimedDuration() int64 {
	if r.report == nil {
		return 0
	}
	return r.report.Duration
}

func (a *API) resume(r *request) (reply, error) {
	id := r.body.webinarID("webinar_id")
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	return a.respondSession(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Resume(v, id, now)
	})
}

func (a *API) session(r *request) (reply, error) {
	query := r.URL.Query()
	id := webinar.ID(query.Get("webinar_id"))
	if query.Has("webinar_id") && !webinar.IDPattern.MatchString(string(id)) {
		return reply{}, invalid("webinar_id", "must match "+webinar.IDPattern.String())
	}
	v, now, err := a.cfg.Viewers.Read(r.Context(), r.user)
	if err != nil {
		return reply{}, err
	}
	s, err := a.cfg.Rules.Find(v, id)
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, a.view(s, now, 0)}, nil
}

func (a *API) cta(r *request) (reply, error) {
	which := r.body.sessionRef()
	if position := r.body.seconds("position_sec"); position != nil {
		r.report = &webinar.Report{Position: *position}
	}
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	return a.respondSession(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.ClickCTA(v, which, r.report, now)
	})
}

// registrationView is a registration on the wire.
type registrationView struct {
	WebinarID    webinar.ID `json:"webinar_id"`
	RegisteredAt *string    `json:"registered_at"`
}

func (a *API) register(r *request) (reply, error) {
	r.body.require("webinar_id", "source")
	reg := webinar.Registration{
		Webinar: r.body.webinarID("webinar_id"),
		Type:    webinar.Type(r.body.oneOf("webinar_type", string(webinar.Auto), string(webinar.Live))),
		SlotID:  r.body.text("slot_id"),
		Source:  r.body.text("source"),
	}
	if reg.SlotID != "" && reg.Type != webinar.Live {
		r.body.invalid("slot_id", "is for live webinars only")
	}
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	result, _, err := a.runCommand(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Register(v, reg, now)
	})
	if err != nil {
		return reply{}, err
	}
	noteEvents(r.Request, result.Events)
	status := http.StatusOK
	if result.Created {
		status = http.StatusCreated
	}
	return reply{status, registrationView{reg.Webinar, wireTime(result.Viewer.Registered[reg.Webinar])}}, nil
}
