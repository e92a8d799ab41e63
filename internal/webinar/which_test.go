package webinar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

func asidePro() webinar.Session {
	return with(watched(50), func(s *webinar.Session) { s.ID, s.Webinar = "s-pro", pro })
}

func TestWhichNamesTheSession(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		which webinar.SessionRef
		want  webinar.SessionID
		err   error
	}{
		{name: "current by session", which: webinar.SessionRef{Session: "s-intro"}, want: "s-intro"},
		{name: "current by webinar", which: webinar.SessionRef{Webinar: intro}, want: "s-intro"},
		{name: "current by both", which: webinar.SessionRef{Session: "s-intro", Webinar: intro}, want: "s-intro"},
		{name: "set aside by session", which: webinar.SessionRef{Session: "s-pro"}, want: "s-pro"},
		{name: "set aside by webinar", which: webinar.SessionRef{Webinar: pro}, want: "s-pro"},
		{name: "set aside by both", which: webinar.SessionRef{Session: "s-pro", Webinar: pro}, want: "s-pro"},
		{name: "a session nobody holds", which: webinar.SessionRef{Session: "s-other"}, err: webinar.ErrSessionMismatch},
		{name: "a session nobody holds, of a webinar entered", which: webinar.SessionRef{Session: "s-other", Webinar: intro}, err: webinar.ErrSessionMismatch},
		{name: "both, which disagree", which: webinar.SessionRef{Session: "s-intro", Webinar: pro}, err: webinar.ErrSessionMismatch},
		{name: "set aside, both disagree", which: webinar.SessionRef{Session: "s-pro", Webinar: intro}, err: webinar.ErrSessionMismatch},
		{name: "a webinar never entered", which: webinar.SessionRef{Webinar: "other"}, err: webinar.ErrNoSession},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := viewing(watched(10), asidePro())
			for _, c := range reportingCommands() {
				got, err := c.apply(v, tt.which)
				require.ErrorIs(t, err, tt.err, c.name)
				assert.Equal(t, tt.want, got.Session.ID, c.name)
				if tt.err != nil {
					assert.Equal(t, webinar.Result{}, got, c.name)
				}
			}
		})
	}
}

// namingCommand is a command that says which session it is about.
type namingCommand struct {
	name  string
	apply func(webinar.Viewer, webinar.SessionRef) (webinar.Result, error)
}

func reportingCommands() []namingCommand {
	return []namingCommand{
		{"progress", func(v webinar.Viewer, w webinar.SessionRef) (webinar.Result, error) {
			return site().Progress(v, w, webinar.Report{Position: 60}, at(110))
		}},
		{"exit", func(v webinar.Viewer, w webinar.SessionRef) (webinar.Result, error) {
			return site().Exit(v, w, &webinar.Report{Position: 60}, webinar.SessionEnd, at(110))
		}},
		{"cta", func(v webinar.Viewer, w webinar.SessionRef) (webinar.Result, error) {
			return site().ClickCTA(v, w, &webinar.Report{Position: 60}, at(110))
		}},
		{"submit", func(v webinar.Viewer, w webinar.SessionRef) (webinar.Result, error) {
			return site().SubmitForm(v, w, webinar.Form{}, at(110))
		}},
	}
}

func TestReportForASetAsideSessionIsAppliedInPlace(t *testing.T) {
	t.Parallel()
	for _, c := range reportingCommands() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := viewing(watched(10), asidePro())
			got, err := c.apply(v, webinar.SessionRef{Session: "s-pro"})
			require.NoError(t, err)
			assert.Equal(t, watched(10), *got.Viewer.Current, "the current session is not touched")
			assert.Equal(t, got.Session, *got.Viewer.Parked[pro])
			for _, e := range got.Events {
				assert.Equal(t, pro, e.Webinar)
				assert.Equal(t, webinar.SessionID("s-pro"), e.Session)
			}
		})
	}
}

// The last beacon of page A arrives after page B has entered.
func TestLastBeaconOfTheOtherPage(t *testing.T) {
	t.Parallel()
	s := tell(t, site())
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

func TestNothingIsSharedWithTheInput(t *testing.T) {
	t.Parallel()
	v := viewing(watched(10), asidePro())
	v.Registered = map[webinar.ID]time.Time{intro: at(1)}

	c := v.Clone()
	require.Equal(t, v, c)
	c.Current.LastPosition = 1
	c.Parked[pro].LastPosition = 1
	c.Parked["x"] = &webinar.Session{}
	c.Registered["x"] = at(2)

	want := viewing(watched(10), asidePro())
	want.Registered = map[webinar.ID]time.Time{intro: at(1)}
	assert.Equal(t, want, v)

	empty := webinar.Viewer{User: viewer42}
	assert.Equal(t, empty, empty.Clone())
}
