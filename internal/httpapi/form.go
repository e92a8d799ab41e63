package httpapi

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/failpoint"
	"autowebinar/internal/webinar"
)

// formJSON is the response to an accepted form.
type formJSON struct {
	SubmissionID uuid.UUID `json:"submission_id"`
	SubmittedAt  *string   `json:"submitted_at"`
}

// form forwards a form to the receiver. Forms are not stored, so the request
// succeeds only once the receiver has accepted the form.
func (a *API) form(r *request) (reply, error) {
	ref := r.body.sessionRef()
	r.body.require("form_id", "form_payload")
	form := webinar.Form{
		ID: r.body.text("form_id"), SubmissionID: r.body.uuid("submission_id"), Payload: r.body.object("form_payload"),
	}
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	if a.cfg.Forms == nil {
		return reply{}, errUnavailable
	}
	var event webinar.Event
	_, err := a.change(r.Context(), r.user, nil, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		result, err := a.cfg.Rules.SubmitForm(v, ref, form, now)
		if err == nil {
			event, result.Events = result.Events[0], nil // not stored in the outbox
		}
		return result, err
	})
	if err != nil {
		return reply{}, err
	}
	lead, err := a.cfg.Leads.LeadID(r.Context(), r.user)
	if err != nil {
		return reply{}, err
	}
	logFrom(r.Request).events = []webinar.Event{event}
	if err := a.cfg.Forms.Submit(r.Context(), event, lead); err != nil && !failpoint.Enabled(failpoint.AckLostForms) {
		return reply{}, err
	}
	a.cfg.Observer.SessionChanged(SessionChange{Events: []webinar.Event{event}})
	return reply{http.StatusOK, formJSON{form.SubmissionID, wireTime(event.At)}}, nil
}
