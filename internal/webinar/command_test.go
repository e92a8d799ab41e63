package webinar_test

import (
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"autowebinar/internal/webinar"
)

// command is one request of a viewer.
type command struct {
	kind         string
	webinar      webinar.ID
	ref          webinar.SessionRef
	report       *webinar.Report
	reason       webinar.LeaveReason
	registration webinar.Registration
	evaluation   uuid.UUID
}

// apply runs the command. A session that enter creates gets the id newID.
func (c command) apply(r webinar.Rules, v webinar.Viewer, newID webinar.SessionID, now time.Time) (webinar.Result, error) {
	switch c.kind {
	case "enter":
		return r.Enter(v, c.webinar, newID, now)
	case "resume":
		return r.Resume(v, c.webinar, now)
	case "progress":
		return r.Progress(v, c.ref, *c.report, now)
	case "exit":
		return r.Exit(v, c.ref, c.report, c.reason, now)
	case "cta":
		return r.ClickCTA(v, c.ref, c.report, now)
	case "register":
		return r.Register(v, c.registration, now)
	case "evaluate":
		return r.Evaluate(v, c.webinar, c.evaluation, now)
	case "submit":
		return r.SubmitForm(v, c.ref, webinar.Form{}, now)
	}
	panic("unknown command: " + c.kind)
}

// activates reports whether the command may change which session is current.
func (c command) activates() bool { return c.kind == "enter" || c.kind == "resume" }

// touches reports whether the command sets LastSeenAt of its session.
func (c command) touches() bool {
	switch c.kind {
	case "enter", "resume", "progress", "exit":
		return true
	}
	return c.kind == "cta" && c.report != nil
}

func drawCommand(t *rapid.T, sessions []webinar.SessionID) command {
	c := command{kind: rapid.SampledFrom([]string{
		"enter", "enter", "resume", "progress", "progress", "progress", "progress",
		"exit", "cta", "register", "evaluate", "submit",
	}).Draw(t, "kind")}
	id := rapid.SampledFrom([]webinar.ID{"a", "b", "c", "unlisted"})
	switch c.kind {
	case "enter":
		c.webinar = id.Draw(t, "webinar")
	case "resume", "evaluate":
		c.webinar = rapid.OneOf(id, rapid.Just(webinar.ID(""))).Draw(t, "webinar")
		c.evaluation = uuid.UUID{15: rapid.Byte().Draw(t, "evaluation")}
	case "register":
		c.registration = webinar.Registration{
			Webinar: id.Draw(t, "webinar"),
			Type:    rapid.SampledFrom([]webinar.Type{webinar.Auto, webinar.Live}).Draw(t, "type"),
			Source:  "landing",
		}
	default:
		c.ref = drawSessionRef(t, id, sessions)
		c.reason = rapid.SampledFrom([]webinar.LeaveReason{
			webinar.UserExit, webinar.SessionEnd, webinar.NetworkLoss,
		}).Draw(t, "reason")
		if c.kind == "progress" || c.kind != "submit" && rapid.Bool().Draw(t, "has position") {
			c.report = new(drawReport(t))
		}
	}
	return c
}

func drawSessionRef(t *rapid.T, id *rapid.Generator[webinar.ID], sessions []webinar.SessionID) webinar.SessionRef {
	session := rapid.SampledFrom(append(sessions, "unknown"))
	switch rapid.IntRange(0, 4).Draw(t, "referred by") {
	case 0:
		return webinar.SessionRef{Session: session.Draw(t, "session"), Webinar: id.Draw(t, "webinar")}
	case 1, 2:
		return webinar.SessionRef{Session: session.Draw(t, "session")}
	default:
		return webinar.SessionRef{Webinar: id.Draw(t, "webinar")}
	}
}

func drawReport(t *rapid.T) webinar.Report {
	return webinar.Report{
		Position: rapid.OneOf(
			rapid.Int64Range(0, 130),
			rapid.SampledFrom([]int64{0, 25, 50, 75, 98, 100, webinar.MaxSeconds}),
		).Draw(t, "position"),
		Duration: rapid.SampledFrom([]int64{0, 0, 40, 100, 130}).Draw(t, "duration"),
		Ended:    rapid.IntRange(0, 3).Draw(t, "ended") == 0,
		Seeked:   rapid.IntRange(0, 3).Draw(t, "seeked") == 0,
	}
}

// drawRules draws rules with or without listed webinars and a maximum rate.
func drawRules(t *rapid.T) webinar.Rules {
	r := webinar.Rules{
		MaxRate:   rapid.SampledFrom([]float64{0, 0.5, 1, 1.25, 2, 2, 16}).Draw(t, "rate"),
		Heartbeat: rapid.SampledFrom([]int64{1, 4, 5, 10, 30}).Draw(t, "heartbeat"),
	}
	if rapid.Bool().Draw(t, "listed") {
		r.Durations = map[webinar.ID]int64{"a": 100, "b": 30, "c": 7}
	}
	return r
}

// drawViewer draws a new viewer, or one with a session created by PHP and
// perhaps an older, parked one.
func drawViewer(t *rapid.T) webinar.Viewer {
	v := webinar.Viewer{User: viewer42}
	if !rapid.Bool().Draw(t, "has a PHP session") {
		return v
	}
	position := rapid.Int64Range(0, 120).Draw(t, "PHP position")
	v.Current = &webinar.Session{
		ID: "php", LastPosition: position, Furthest: position,
		Percent:   rapid.SampledFrom([]int{0, 25, 50, 75, 100}).Draw(t, "PHP percent"),
		Completed: rapid.Bool().Draw(t, "PHP completed"),
	}
	if rapid.Bool().Draw(t, "PHP times") {
		v.Current.StartedAt, v.Current.LastSeenAt = at(-50), at(-10)
	}
	if rapid.Bool().Draw(t, "has a parked session") {
		v.Parked = map[webinar.ID]*webinar.Session{"b": {
			ID: "older", Webinar: "b", StartedAt: at(-90), LastSeenAt: at(-60), LastPosition: 5, Furthest: 20,
		}}
	}
	return v
}

// drawClockStep draws a step of the database's clock: mostly forward, sometimes back.
func drawClockStep(t *rapid.T) time.Duration {
	sec := rapid.OneOf(
		rapid.Int64Range(0, 12), rapid.Int64Range(0, 12), rapid.Int64Range(0, 12),
		rapid.SampledFrom([]int64{-1, -7, -3600, 60, 3600}),
	).Draw(t, "step")
	return time.Duration(sec) * time.Second
}
