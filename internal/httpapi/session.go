package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// change runs a command on a viewer and reports its effect to the observer. The
// player's report, if there is one, is already part of the command.
func (a *API) change(ctx context.Context, user webinar.UserID, report *webinar.Report, command webinar.Command) (webinar.Result, error) {
	result, err := a.cfg.Viewers.Change(ctx, user, command)
	if err == nil {
		a.cfg.Observer.SessionChanged(sessionChange(report, result))
	}
	return result, err
}

// changeSession runs a command and returns the session that it concerned.
func (a *API) changeSession(r *request, report *webinar.Report, command webinar.Command) (reply, error) {
	result, err := a.change(r.Context(), r.user, report, command)
	if err != nil {
		return reply{}, err
	}
	logFrom(r.Request).events = result.Events
	var duration int64
	if report != nil {
		duration = report.Duration
	}
	session := a.sessionJSON(result.Session, result.Now, duration)
	session.Clamped = result.Clamped
	return reply{statusOf(result), session}, nil
}

func statusOf(result webinar.Result) int {
	if result.Created {
		return http.StatusCreated
	}
	return http.StatusOK
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
	return a.changeSession(r, nil, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Enter(v, id, webinar.SessionID(newID.String()), now)
	})
}

func (a *API) progress(r *request) (reply, error) {
	ref := r.body.sessionRef()
	r.body.require("position_sec")
	report := r.body.report()
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	return a.changeSession(r, report, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Progress(v, ref, *report, now)
	})
}

func (a *API) exit(r *request) (reply, error) {
	ref := r.body.sessionRef()
	report := r.body.report()
	reason := webinar.LeaveReason(r.body.oneOf("leave_reason",
		string(webinar.UserExit), string(webinar.SessionEnd), string(webinar.NetworkLoss)))
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	return a.changeSession(r, report, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Exit(v, ref, report, reason, now)
	})
}

func (a *API) resume(r *request) (reply, error) {
	id := r.body.webinarID("webinar_id")
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	return a.changeSession(r, nil, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
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
	var report *webinar.Report
	if position := r.body.seconds("position_sec"); position != nil {
		report = &webinar.Report{Position: *position}
	}
	if err := r.body.err(); err != nil {
		return reply{}, err
	}
	return a.changeSession(r, report, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.ClickCTA(v, ref, report, now)
	})
}

// registrationJSON is a registration in a response.
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
	result, err := a.change(r.Context(), r.user, nil, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return a.cfg.Rules.Register(v, reg, now)
	})
	if err != nil {
		return reply{}, err
	}
	logFrom(r.Request).events = result.Events
	return reply{statusOf(result), registrationJSON{reg.Webinar, wireTime(result.Viewer.Registered[reg.Webinar])}}, nil
}

// sessionJSON is a session in a response.
type sessionJSON struct {
	SessionID         webinar.SessionID `json:"session_id"`
	WebinarID         *webinar.ID       `json:"webinar_id"`
	WebinarType       webinar.Type      `json:"webinar_type"`
	StartedAt         *string           `json:"started_at"`
	ServerTime        string            `json:"server_time"`
	LiveOffsetSec     int64             `json:"live_offset_sec"`
	ResumePositionSec int64             `json:"resume_position_sec"`
	LastPositionSec   int64             `json:"last_position_sec"`
	FurthestSec       int64             `json:"furthest_sec"`
	ProgressPercent   int               `json:"progress_percent"`
	Completed         bool              `json:"completed"`
	CTAClickedAt      *string           `json:"cta_clicked_at"`
	LastSeenAt        *string           `json:"last_seen_at"`
	HeartbeatSec      int64             `json:"heartbeat_sec"`
	Clamped           bool              `json:"clamped,omitempty"`
}

// sessionJSON converts a session. The duration is the one that the request
// reported, or 0.
func (a *API) sessionJSON(s webinar.Session, now time.Time, duration int64) sessionJSON {
	v := sessionJSON{
		SessionID: s.ID, WebinarType: webinar.Auto,
		StartedAt: wireTime(s.StartedAt), ServerTime: now.UTC().Format(time.RFC3339),
		ResumePositionSec: a.cfg.Rules.ResumeAt(s, duration),
		LastPositionSec:   s.LastPosition, FurthestSec: s.Furthest,
		ProgressPercent: s.Percent, Completed: s.Completed,
		CTAClickedAt: wireTime(s.CTAClickedAt), LastSeenAt: wireTime(s.LastSeenAt),
		HeartbeatSec: a.cfg.Rules.Heartbeat,
	}
	if s.Webinar != "" {
		v.WebinarID = &s.Webinar
	}
	if !s.StartedAt.IsZero() {
		v.LiveOffsetSec = max(0, int64(now.Sub(s.StartedAt)/time.Second))
	}
	return v
}

// wireTime formats a time as RFC 3339 in UTC, and the zero time as null.
func wireTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format(time.RFC3339)
	return &text
}
