package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// runCommand runs a command on the viewer of a request and stores the result.
func (a *API) runCommand(r *request, command webinar.Command) (webinar.Result, error) {
	result, err := a.cfg.Viewers.Change(r.Context(), r.user, command)
	var mismatch *webinar.SessionMismatchError
	if errors.As(err, &mismatch) {
		e := errSessionMismatch.withCause(err)
		var current *sessionJSON
		if mismatch.Current != nil {
			view := a.sessionJSON(*mismatch.Current, mismatch.Now, 0)
			current = &view
		}
		e.session = &current
		return webinar.Result{}, e
	}
	if err == nil {
		a.observer.SessionChanged(sessionChange(r.report, result))
	}
	return result, err
}

// respondSession runs a command and answers with the session that it concerned.
func (a *API) respondSession(r *request, command webinar.Command) (reply, error) {
	result, err := a.runCommand(r, command)
	if err != nil {
		return reply{}, err
	}
	logFrom(r.Request).events = result.Events
	view := a.sessionJSON(result.Session, result.Now, r.claimedDuration())
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
	newID, err := uuid.NewV7() // ids that sort by age make the table easier to read
	if err != nil {
		return reply{}, err
	}
	return a.respondSession(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Enter(v, id, webinar.SessionID(newID.String()), now)
	})
}

func (a *API) progress(r *request) (reply, error) {
	ref := r.body.sessionRef()
	r.body.require("position_sec")
	r.report = r.body.report()
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	return a.respondSession(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Progress(v, ref, *r.report, now)
	})
}

func (a *API) exit(r *request) (reply, error) {
	ref := r.body.sessionRef()
	r.report = r.body.report()
	reason := webinar.LeaveReason(r.body.oneOf("leave_reason",
		string(webinar.UserExit), string(webinar.SessionEnd), string(webinar.NetworkLoss)))
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	return a.respondSession(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Exit(v, ref, r.report, reason, now)
	})
}

// claimedDuration returns the duration that the player reported, or 0.
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
	return reply{http.StatusOK, a.sessionJSON(s, now, 0)}, nil
}

func (a *API) cta(r *request) (reply, error) {
	ref := r.body.sessionRef()
	if position := r.body.seconds("position_sec"); position != nil {
		r.report = &webinar.Report{Position: *position}
	}
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	return a.respondSession(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.ClickCTA(v, ref, r.report, now)
	})
}

// registrationJSON is a registration in an answer.
type registrationJSON struct {
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
	result, err := a.runCommand(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Register(v, reg, now)
	})
	if err != nil {
		return reply{}, err
	}
	logFrom(r.Request).events = result.Events
	status := http.StatusOK
	if result.Created {
		status = http.StatusCreated
	}
	return reply{status, registrationJSON{reg.Webinar, wireTime(result.Viewer.Registered[reg.Webinar])}}, nil
}
