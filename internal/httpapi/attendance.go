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

// attendanceJSON answers an evaluation of attendance.
type attendanceJSON struct {
	EvaluationID uuid.UUID          `json:"evaluation_id"`
	Results      []attendanceResult `json:"results"`
}

type attendanceResult struct {
	User     webinar.UserID `json:"user_id"`
	Result   string         `json:"result"`
	Attended *bool          `json:"attended,omitempty"`
}

// maxParallelEvaluations limits how many viewers one request evaluates at a time.
const maxParallelEvaluations = 8

// attendance classifies viewers. A request that failed half-way can be repeated
// with the same evaluation id, because its events then have the same ids.
func (a *API) attendance(r *request) (reply, error) {
	r.body.require("user_ids")
	users := r.body.users("user_ids")
	id := r.body.webinarID("webinar_id")
	evaluation := r.body.uuid("evaluation_id")
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	logFrom(r.Request).evaluation = evaluation
	view := attendanceJSON{EvaluationID: evaluation, Results: make([]attendanceResult, len(users))}
	group, ctx := errgroup.WithContext(r.Context())
	group.SetLimit(maxParallelEvaluations)
	for i, user := range users {
		group.Go(func() (err error) {
			defer recoverAs(&err)
			if err := ctx.Err(); err != nil {
				return err
			}
			single := &request{Request: r.WithContext(ctx), user: user}
			view.Results[i], err = a.evaluate(single, id, evaluation)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		e := toAPIError(err)
		e.evaluation = &evaluation
		return reply{}, e
	}
	return reply{http.StatusOK, view}, nil
}

func (a *API) evaluate(r *request, id webinar.ID, evaluation uuid.UUID) (attendanceResult, error) {
	result, err := a.runCommand(r, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Evaluate(v, id, evaluation, now)
	})
	evaluated := attendanceResult{User: r.user}
	switch {
	case err == nil:
		evaluated.Result, evaluated.Attended = "classified", &result.Session.Completed
	case errors.Is(err, usermeta.ErrUnknownUser):
		evaluated.Result = "unknown_user"
	case errors.Is(err, webinar.ErrNoSession), errors.Is(err, webinar.ErrWebinarRequired):
		evaluated.Result = "not_entered"
	default:
		return evaluated, err
	}
	return evaluated, nil
}
