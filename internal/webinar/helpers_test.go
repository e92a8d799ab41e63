package webinar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

// The site lists two webinars. Viewer 42 watches them.
const (
	viewer42 webinar.UserID = 42
	intro    webinar.ID     = "intro" // 1000 s
	pro      webinar.ID     = "pro"   // 2000 s
)

func site() webinar.Rules {
	return webinar.Rules{
		Durations: map[webinar.ID]int64{intro: 1000, pro: 2000},
		MaxRate:   2,
		Heartbeat: 10,
	}
}

// openSite returns rules that list no webinars, so that any may be entered and
// durations are claimed by the player.
func openSite() webinar.Rules { return webinar.Rules{MaxRate: 2, Heartbeat: 10} }

// at returns the time sec seconds after the start of the test.
func at(sec int64) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(sec) * time.Second)
}

// watched returns a session of intro that started at second 0, was last seen at
// second 100 and has been watched up to position.
func watched(position int64) webinar.Session {
	return webinar.Session{
		ID: "s-intro", Webinar: intro, StartedAt: at(0), LastSeenAt: at(100),
		LastPosition: position, Furthest: position,
	}
}

func with(s webinar.Session, change func(*webinar.Session)) webinar.Session {
	change(&s)
	return s
}

// viewing returns a viewer whose current session is s.
func viewing(s webinar.Session, parked ...webinar.Session) webinar.Viewer {
	v := webinar.Viewer{User: viewer42, Current: &s}
	for _, s := range parked {
		if v.Parked == nil {
			v.Parked = map[webinar.ID]*webinar.Session{}
		}
		v.Parked[s.Webinar] = &s
	}
	return v
}

// scenario runs the commands of one viewer and collects the events.
type scenario struct {
	t      *testing.T
	rules  webinar.Rules
	viewer webinar.Viewer
	events []webinar.Event
}

func newScenario(t *testing.T, rules webinar.Rules) *scenario {
	return &scenario{t: t, rules: rules, viewer: webinar.Viewer{User: viewer42}}
}

func (s *scenario) accept(result webinar.Result, err error) webinar.Result {
	s.t.Helper()
	require.NoError(s.t, err)
	s.viewer = result.Viewer
	s.events = append(s.events, result.Events...)
	return result
}

func (s *scenario) enter(sec int64, id webinar.ID) webinar.Result {
	s.t.Helper()
	return s.accept(s.rules.Enter(s.viewer, id, webinar.SessionID("s-"+id), at(sec)))
}

func (s *scenario) resume(sec int64, id webinar.ID) webinar.Result {
	s.t.Helper()
	return s.accept(s.rules.Resume(s.viewer, id, at(sec)))
}

func (s *scenario) progress(sec int64, id webinar.ID, report webinar.Report) webinar.Result {
	s.t.Helper()
	return s.accept(s.rules.Progress(s.viewer, webinar.SessionRef{Webinar: id}, report, at(sec)))
}

func (s *scenario) exit(sec int64, id webinar.ID, report *webinar.Report) webinar.Result {
	s.t.Helper()
	return s.accept(s.rules.Exit(s.viewer, webinar.SessionRef{Webinar: id}, report, webinar.UserExit, at(sec)))
}

func (s *scenario) cta(sec int64, id webinar.ID, report *webinar.Report) webinar.Result {
	s.t.Helper()
	return s.accept(s.rules.ClickCTA(s.viewer, webinar.SessionRef{Webinar: id}, report, at(sec)))
}

// eventTypes returns the types of all events so far, in order.
func (s *scenario) eventTypes() []webinar.EventType { return typesOf(s.events) }

func typesOf(events []webinar.Event) []webinar.EventType {
	list := []webinar.EventType{}
	for _, e := range events {
		list = append(list, e.Type)
	}
	return list
}

// report applies one report to a current session.
func report(t *testing.T, r webinar.Rules, s webinar.Session, rep webinar.Report, now time.Time) webinar.Result {
	t.Helper()
	result, err := r.Progress(viewing(s), webinar.SessionRef{Session: s.ID}, rep, now)
	require.NoError(t, err)
	return result
}
