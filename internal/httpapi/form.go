package httpapi

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// formView answers an accepted form.
type formView struct {
	SubmissionID uuid.UUID `json:"submission_id"`
	SubmittedAt  *string   `json:"submitted_at"`
}

// form passes answers straight through to the sink: they are stored nowhere, so
// the request succeeds only when the sink has taken them.
func (a *API) form(r *request) (reply, error) {
	which := r.body.which()
	r.body.require("form_id", "form_payload")
	formID := r.body.text("form_id")
	payload := r.body.object("form_payload")
	submission := r.body.uuid("submission_id")
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	if a.cfg.Forms == nil {
		return reply{}, errUnavailable
	}
	var event webinar.Event
	err := a.cfg.Viewers.Change(r.Context(), r.user, func(v webinar.Viewer, now time.Time) (webinar.Viewer, []webinar.Event, error) {
		result, err := a.cfg.Rules.Submit(v, which, now)
		if err != nil {
			return v, nil, err
		}
		event = result.Events[0]
		return result.Viewer, nil, nil
	})
	if err != nil {
		return reply{}, err
	}
	event.ID = webinar.EventID(webinar.EventFormSubmitted, r.user, formID, submission.String())
	event.FormID, event.FormPayload = formID, payload
	lead, err := a.cfg.Leads.LeadID(r.Context(), r.user)
	if err != nil {
		return reply{}, err
	}
	if err := a.cfg.Forms.Submit(r.Context(), event, lead); err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, formView{submission, wireTime(event.At)}}, nil
}
