package webinar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

func parkedPro() webinar.Session {
	return with(watched(50), func(s *webinar.Session) { s.ID, s.Webinar = "s-pro", pro })
}

func TestSessionRef(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		ref  webinar.SessionRef
		want webinar.SessionID
		err  error
	}{
		{name: "current by session", ref: webinar.SessionRef{Session: "s-intro"}, want: "s-intro"},
		{name: "current by webinar", ref: webinar.SessionRef{Webinar: intro}, want: "s-intro"},
		{name: "current by both", ref: webinar.SessionRef{Session: "s-intro", Webinar: intro}, want: "s-intro"},
		{name: "parked by session", ref: webinar.SessionRef{Session: "s-pro"}, want: "s-pro"},
		{name: "parked by webinar", ref: webinar.SessionRef{Webinar: pro}, want: "s-pro"},
		{name: "parked by both", ref: webinar.SessionRef{Session: "s-pro", Webinar: pro}, want: "s-pro"},
		{name: "unknown session", ref: webinar.SessionRef{Session: "s-other"}, err: webinar.ErrSessionMismatch},
		{name: "unknown session of a webinar entered", ref: webinar.SessionRef{Session: "s-other", Webinar: intro}, err: webinar.ErrSessionMismatch},
		{name: "current, both disagree", ref: webinar.SessionRef{Session: "s-intro", Webinar: pro}, err: webinar.ErrSessionMismatch},
		{name: "parked, both disagree", ref: webinar.SessionRef{Session: "s-pro", Webinar: intro}, err: webinar.ErrSessionMismatch},
		{name: "a webinar never entered", ref: webinar.SessionRef{Webinar: "other"}, err: webinar.ErrNoSession},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := viewing(watched(10), parkedPro())
			for _, c := range refCommands() {
				got, err := c.apply(v, tt.ref)
				require.ErrorIs(t, err, tt.err, c.name)
				assert.Equal(t, tt.want, got.Session.ID, c.name)
				if tt.err != nil {
					assert.Equal(t, webinar.Result{}, got, c.name)
				}
			}
		})
	}
}

// refCommand is a command that takes a SessionRef.
type refCommand struct {
	name  string
	apply func(webinar.Viewer, webinar.SessionRef) (webinar.Result, error)
}

func refCommands() []refCommand {
	return []refCommand{
		{"progress", func(v webinar.Viewer, ref webinar.SessionRef) (webinar.Result, error) {
			return site().Progress(v, ref, webinar.Report{Position: 60}, at(110))
		}},
		{"exit", func(v webinar.Viewer, ref webinar.SessionRef) (webinar.Result, error) {
			return site().Exit(v, ref, &webinar.Report{Position: 60}, webinar.SessionEnd, at(110))
		}},
		{"cta", func(v webinar.Viewer, ref webinar.SessionRef) (webinar.Result, error) {
			return site().ClickCTA(v, ref, &webinar.Report{Position: 60}, at(110))
		}},
		{"submit", func(v webinar.Viewer, ref webinar.SessionRef) (webinar.Result, error) {
			return site().SubmitForm(v, ref, webinar.Form{}, at(110))
		}},
	}
}

func TestReportForAParkedSessionLeavesItParked(t *testing.T) {
	t.Parallel()
	for _, c := range refCommands() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := viewing(watched(10), parkedPro())
			got, err := c.apply(v, webinar.SessionRef{Session: "s-pro"})
			require.NoError(t, err)
			assert.Equal(t, watched(10), *got.Viewer.Current, "the current session is unchanged")
			assert.Equal(t, got.Session, *got.Viewer.Parked[pro])
			for _, e := range got.Events {
				assert.Equal(t, pro, e.Webinar)
				assert.Equal(t, webinar.SessionID("s-pro"), e.Session)
			}
		})
	}
}

// The last beacon of a page arrives after the page of another webinar has entered.
func TestLastBeaconAfterEnteringAnotherWebinar(t *testing.T) {
	t.Parallel()
	s := newScenario(t, site())
	s.enter(0, intro)
	s.enter(100, pro)
	got := s.exit(101, intro, &webinar.Report{Position: 99})

	assert.Equal(t, int64(99), s.viewer.Parked[intro].LastPosition)
	assert.Equal(t, at(101), s.viewer.Parked[intro].LeftAt)
	assert.Equal(t, intro, got.Session.Webinar)
	assert.Equal(t, webinar.Session{
		ID: "s-pro", Webinar: pro, StartedAt: at(100), LastSeenAt: at(100),
	}, *s.viewer.Current)
}

func TestCloneSharesNoMemory(t *testing.T) {
	t.Parallel()
	v := viewing(watched(10), parkedPro())
	v.Registered = map[webinar.ID]time.Time{intro: at(1)}

	c := v.Clone()
	require.Equal(t, v, c)
	c.Current.LastPosition = 1
	c.Parked[pro].LastPosition = 1
	c.Parked["x"] = &webinar.Session{}
	c.Registered["x"] = at(2)

	want := viewing(watched(10), parkedPro())
	want.Registered = map[webinar.ID]time.Time{intro: at(1)}
	assert.Equal(t, want, v)

	empty := webinar.Viewer{User: viewer42}
	assert.Equal(t, empty, empty.Clone())
}
