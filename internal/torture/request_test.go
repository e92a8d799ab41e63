package torture

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// webinars are short: at sixteen times the speed they are watched in seconds.
const webinars = "intro=24,pro=60,talk=150"

// rules are those of the service under test.
func rules() webinar.Rules {
	return webinar.Rules{
		Durations: map[webinar.ID]int64{"intro": 24, "pro": 60, "talk": 150},
		MaxRate:   16, Heartbeat: 10,
	}
}

// deed is what a wish is about: the route.
type route string

const (
	register    route = "register"
	enter       route = "enter"
	progress    route = "progress"
	exit        route = "exit"
	resume      route = "resume"
	cta         route = "cta"
	readSession route = "session"
	attendance  route = "attendance"
	form        route = "form"
)

// wish is what a viewer wants, in the words of a request.
type request struct {
	route   route
	webinar webinar.ID
	session webinar.SessionID // instead of the webinar
	report  *webinar.Report
	reason  webinar.LeaveReason
	id      uuid.UUID // of an evaluation or a submission; Nil: not said
}

// changes tells whether the wish may change the viewer's rows.
func (w request) changes() bool {
	return w.route != readSession && w.route != attendance && w.route != form
}

const (
	source      = "landing page"
	formID      = "survey"
	formPayload = `{"liked":true}`
)

// body is the request's body; empty for a GET.
func (w request) body(user uint64) string {
	fields := map[string]any{}
	if w.session != "" {
		fields["session_id"] = w.session
	} else if w.webinar != "" {
		fields["webinar_id"] = w.webinar
	}
	if w.report != nil {
		fields["position_sec"], fields["ended"], fields["seeked"] = w.report.Position, w.report.Ended, w.report.Seeked
	}
	switch w.route {
	case readSession:
		return ""
	case register:
		fields["source"] = source
	case exit:
		fields["leave_reason"] = w.reason
	case attendance:
		fields["user_ids"] = []uint64{user}
		if w.id != uuid.Nil {
			fields["evaluation_id"] = w.id
		}
	case form:
		fields["form_id"], fields["form_payload"], fields["submission_id"] = formID, json.RawMessage(formPayload), w.id
	}
	text, _ := json.Marshal(fields)
	return string(text)
}

// apply is what the rules say to the wish. It is the model's own copy of the
// service's dispatch, not of its rules.
func (w request) apply(v webinar.Viewer, newID webinar.SessionID, now time.Time) (webinar.Result, error) {
	r, which := rules(), webinar.SessionRef{Session: w.session, Webinar: w.webinar}
	switch w.route {
	case register:
		return r.Register(v, webinar.Registration{Webinar: w.webinar, Type: webinar.Auto, Source: source}, now)
	case enter:
		return r.Enter(v, w.webinar, newID, now)
	case progress:
		return r.Progress(v, which, *w.report, now)
	case exit:
		return r.Exit(v, which, w.report, w.reason, now)
	case resume:
		return r.Resume(v, w.webinar, now)
	case cta:
		return r.ClickCTA(v, which, w.report, now)
	case readSession:
		s, err := r.Find(v, w.webinar)
		return webinar.Result{Viewer: v, Session: s}, err
	}
	panic("no state follows from " + w.route)
}

// reply is an answer, decoded.
type response struct {
	status int
	header http.Header

	Code         string            `json:"code"`
	SessionID    webinar.SessionID `json:"session_id"`
	WebinarID    webinar.ID        `json:"webinar_id"`
	StartedAt    *time.Time        `json:"started_at"`
	ServerTime   *time.Time        `json:"server_time"`
	ResumeAt     int64             `json:"resume_position_sec"`
	LastPosition int64             `json:"last_position_sec"`
	Furthest     int64             `json:"furthest_sec"`
	Percent      int               `json:"progress_percent"`
	Completed    bool              `json:"completed"`
	CTAClickedAt *time.Time        `json:"cta_clicked_at"`
	LastSeenAt   *time.Time        `json:"last_seen_at"`
	Clamped      bool              `json:"clamped"`

	RegisteredAt *time.Time `json:"registered_at"`
	SubmittedAt  *time.Time `json:"submitted_at"`
	EvaluationID uuid.UUID  `json:"evaluation_id"`
	Results      []struct {
		Result   string `json:"result"`
		Attended *bool  `json:"attended"`
	} `json:"results"`
}

// same: it says the same.
func (r *response) equal(o *response) bool {
	a, b := *r, *o
	a.header, b.header = nil, nil
	return reflect.DeepEqual(a, b)
}

// now is the service's time of the request, where the answer tells it.
func (r *response) databaseTime() (time.Time, bool) {
	switch {
	case r.ServerTime != nil:
		return *r.ServerTime, true
	case r.status == http.StatusCreated && r.RegisteredAt != nil:
		return *r.RegisteredAt, true
	}
	return time.Time{}, false
}

func (r *response) String() string {
	text, _ := json.Marshal(r)
	return fmt.Sprintf("%d %s", r.status, text)
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
