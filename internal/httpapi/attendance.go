package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// attendanceView answers an explicit evaluation.
type attendanceView struct {
	EvaluationID uuid.UUID          `json:"evaluation_id"`
	Results      []attendanceResult `json:"results"`
}

type attendanceResult struct {
	User     webinar.UserID `json:"user_id"`
	Result   string         `json:"result"`
	Attended *bool          `json:"attended,omitempty"`
}

// attendanceAtOnce is how many viewers are evaluated in parallel.
const attendanceAtOnce = 8

// attendance classifies viewers on request. If it fails half-way it can be
// repeated with the same evaluation id: the same facts carry the same ids.
func (a *API) attendance(r *request) (reply, error) {
	r.body.require("user_ids")
	users := r.body.users("user_ids")
	id := r.body.webinarID("webinar_id")
	evaluation := r.body.uuid("evaluation_id")
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	logFrom(r.Request).evaluation = evaluation
	view := attendanceView{EvaluationID: evaluation, Results: make([]attendanceResult, len(users))}
	group, ctx := errgroup.WithContext(r.Context())
	group.SetLimit(attendanceAtOnce)
	for i, user := range users {
		group.Go(func() (err error) {
			defer recoverAs(&err)
			if err := ctx.Err(); err != nil {
				return err
			}
			one := &request{Request: r.WithContext(ctx), user: user}
			view.Results[i], err = a.evaluate(one, id, evaluation)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		p := toAPIError(err)
		p.evaluation = &evaluation
		return reply{}, p
	}
	return reply{http.StatusOK, view}, nil
}

func (a *API) evaluate(r *request, id webinar.ID, evaluation uuid.UUID) (attendanceResult, error) {
	result, _, err := a.runCommand(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Evaluate(v, id, evaluation, now)
	})
	answer := attendanceResult{User: r.user}
	switch {
	case err == nil:
		answer.Result, answer.Attended = "classified", &result.Session.Completed
	case errors.Is(err, usermeta.ErrUnknownUser):
		answer.Result = "unknown_user"
	case errors.Is(err, webinar.ErrNoSession), errors.Is(err, webinar.ErrWebinarRequired):
		answer.Result = "not_entered"
	default:
		return answer, err
	}
	return answer, nil
}
