package torture

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// webinars are so short that watching one at sixteen times the speed takes seconds.
const webinars = "intro=24,pro=60,talk=150"

// rules are those of the service under test.
func rules() webinar.Rules {
	return webinar.Rules{
		Durations: map[webinar.ID]int64{"intro": 24, "pro": 60, "talk": 150},
		MaxRate:   16, Heartbeat: 10,
	}
}

// route is the last segment of a request's path.
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

// request is a request of a viewer.
type request struct {
	route   route
	webinar webinar.ID
	session webinar.SessionID // instead of the webinar
	report  *webinar.Report
	reason  webinar.LeaveReason
	id      uuid.UUID // of an evaluation or a submission; may be Nil
}

// requestKey is equal for equal requests.
type requestKey struct {
	request
	reported  webinar.Report
	hasReport bool
}

func (r request) key() requestKey {
	k := requestKey{request: r}
	if r.report != nil {
		k.request.report, k.reported, k.hasReport = nil, *r.report, true
	}
	return k
}

// changes reports whether the request may change the viewer's rows.
func (r request) changes() bool {
	return r.route != readSession && r.route != attendance && r.route != form
}

const (
	source      = "landing page"
	formID      = "survey"
	formPayload = `{"liked":true}`
)

// body is the request's body; empty for a GET.
func (r request) body(user uint64) string {
	fields := map[string]any{}
	if r.session != "" {
		fields["session_id"] = r.session
	} else if r.webinar != "" {
		fields["webinar_id"] = r.webinar
	}
	if r.report != nil {
		fields["position_sec"], fields["ended"], fields["seeked"] = r.report.Position, r.report.Ended, r.report.Seeked
	}
	switch r.route {
	case readSession:
		return ""
	case register:
		fields["source"] = source
	case exit:
		fields["leave_reason"] = r.reason
	case attendance:
		fields["user_ids"] = []uint64{user}
		if r.id != uuid.Nil {
			fields["evaluation_id"] = r.id
		}
	case form:
		fields["form_id"], fields["form_payload"], fields["submission_id"] = formID, json.RawMessage(formPayload), r.id
	}
	text, _ := json.Marshal(fields)
	return string(text)
}

// apply applies the request to a viewer by the service's own rules.
func (r request) apply(v webinar.Viewer, newID webinar.SessionID, now time.Time) (webinar.Result, error) {
	rules, ref := rules(), webinar.SessionRef{Session: r.session, Webinar: r.webinar}
	switch r.route {
	case register:
		return rules.Register(v, webinar.Registration{Webinar: r.webinar, Type: webinar.Auto, Source: source}, now)
	case enter:
		return rules.Enter(v, r.webinar, newID, now)
	case progress:
		return rules.Progress(v, ref, *r.report, now)
	case exit:
		return rules.Exit(v, ref, r.report, r.reason, now)
	case resume:
		return rules.Resume(v, r.webinar, now)
	case cta:
		return rules.ClickCTA(v, ref, r.report, now)
	case readSession:
		s, err := rules.Find(v, r.webinar)
		return webinar.Result{Viewer: v, Session: s}, err
	}
	panic("the rules have no " + r.route)
}

// response is a decoded response.
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

// databaseTime returns the time at which the service applied the request, or zero if
// the response does not contain it.
func (r *response) databaseTime() time.Time {
	if r.ServerTime == nil && r.status == http.StatusCreated {
		return timeOf(r.RegisteredAt)
	}
	return timeOf(r.ServerTime)
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
