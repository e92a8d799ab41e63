package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"autowebinar/internal/attendance"
	"autowebinar/internal/webinar"
)

// attendanceJSON is the response to an evaluation of attendance.
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

// attendance evaluates viewers. A request that failed after evaluating some
// viewers can be repeated with the same evaluation id, because its events then
// have the same ids.
func (a *API) attendance(r *request) (reply, error) {
	r.body.require("user_ids")
	users := r.body.users("user_ids")
	evaluation := attendance.Evaluation{
		Webinar: r.body.webinarID("webinar_id"), ID: r.body.uuid("evaluation_id"),
		Rules: a.cfg.Rules, Parallel: maxParallelEvaluations,
		Change: func(ctx context.Context, user webinar.UserID, command webinar.Command) (webinar.Result, error) {
			return a.change(ctx, user, nil, command)
		},
	}
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	logFrom(r.Request).evaluation = evaluation.ID
	body := attendanceJSON{EvaluationID: evaluation.ID}
	err := evaluation.Run(r.Context(), users, func(page []attendance.Result) {
		for _, result := range page {
			body.Results = append(body.Results, resultJSON(result))
		}
	})
	if err != nil {
		e := toAPIError(err)
		e.evaluation = &evaluation.ID
		return reply{}, e
	}
	return reply{http.StatusOK, body}, nil
}

func resultJSON(r attendance.Result) attendanceResult {
	switch r.Outcome {
	case attendance.UnknownUser:
		return attendanceResult{User: r.User, Result: "unknown_user"}
	case attendance.NotEntered:
		return attendanceResult{User: r.User, Result: "not_entered"}
	}
	attended := r.Outcome == attendance.Attended
	return attendanceResult{User: r.User, Result: "classified", Attended: &attended}
}
