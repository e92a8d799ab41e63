package webinar_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

func TestEnterCreatesASession(t *testing.T) {
	t.Parallel()
	s := newScenario(t, site())

	got := s.enter(5, intro)

	want := webinar.Session{ID: "s-intro", Webinar: intro, StartedAt: at(5), LastSeenAt: at(5)}
	assert.True(t, got.Created)
	assert.Equal(t, want, got.Session)
	assert.Equal(t, &want, got.Viewer.Current)
	assert.Equal(t, []webinar.Event{{
		ID:   webinar.EventID(webinar.EventEntered, viewer42, "s-intro"),
		Type: webinar.EventEntered, User: viewer42, At: at(5),
		Webinar: intro, WebinarType: webinar.Auto, Session: "s-intro",
	}}, got.Events)
}

func TestReentryOnlyUpdatesLastSeenAt(t *testing.T) {
	t.Parallel()
	before := with(watched(600), func(s *webinar.Session) {
		s.Percent, s.Completed = 100, true
		s.CTAClickedAt, s.LeftAt = at(50), at(90)
	})
	commands := map[string]func(webinar.Viewer, int64) (webinar.Result, error){
		"enter": func(v webinar.Viewer, sec int64) (webinar.Result, error) {
			return site().Enter(v, intro, "s-unused", at(sec))
		},
		"resume": func(v webinar.Viewer, sec int64) (webinar.Result, error) {
			return site().Resume(v, "", at(sec))
		},
		"resume by webinar": func(v webinar.Viewer, sec int64) (webinar.Result, error) {
			return site().Resume(v, intro, at(sec))
		},
	}
	for name, command := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, tt := range []struct{ now, lastSeen int64 }{
				{now: 500, lastSeen: 500},
				{now: 100, lastSeen: 100},
				{now: 40, lastSeen: 100}, // the clock stepped back
			} {
				got, err := command(viewing(before), tt.now)
				require.NoError(t, err)
				want := with(before, func(s *webinar.Session) { s.LastSeenAt = at(tt.lastSeen) })
				assert.Equal(t, want, got.Session)
				assert.Equal(t, viewing(want), got.Viewer)
				assert.Empty(t, got.Events)
				assert.False(t, got.Created)
			}
		})
	}
}

func TestEnteringAnotherWebinarParksTheSessionUnchanged(t *testing.T) {
	t.Parallel()
	s := newScenario(t, site())
	s.enter(0, intro)
	s.progress(300, intro, webinar.Report{Position: 300})
	s.cta(310, intro, nil)
	s.exit(320, intro, nil)
	left := *s.viewer.Current

	s.enter(400, pro)
	assert.Equal(t, webinar.SessionID("s-pro"), s.viewer.Current.ID)
	assert.Equal(t, map[webinar.ID]*webinar.Session{intro: &left}, s.viewer.Parked)
	proSession := *s.viewer.Current

	back := s.enter(500, intro)
	assert.False(t, back.Created)
	assert.Equal(t, with(left, func(s *webinar.Session) { s.LastSeenAt = at(500) }), back.Session)
	assert.Equal(t, map[webinar.ID]*webinar.Session{pro: &proSession}, s.viewer.Parked)

	again := s.resume(600, pro)
	assert.Equal(t, with(proSession, func(s *webinar.Session) { s.LastSeenAt = at(600) }), again.Session)
	assert.Len(t, s.viewer.Parked, 1)

	// Parking emits no left event, and returning emits no entered event.
	assert.Equal(t, []webinar.EventType{
		webinar.EventEntered, webinar.EventLeft, webinar.EventEntered,
	}, s.eventTypes())
}

func TestResumeNeedsASession(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		viewer webinar.Viewer
		id     webinar.ID
		want   error
	}{
		{name: "never entered, none named", viewer: webinar.Viewer{User: viewer42}, want: webinar.ErrNoSession},
		{name: "never entered", viewer: webinar.Viewer{User: viewer42}, id: intro, want: webinar.ErrNoSession},
		{name: "another webinar only", viewer: viewing(watched(10)), id: pro, want: webinar.ErrNoSession},
		{name: "current", viewer: viewing(watched(10)), id: intro},
		{name: "no longer listed, but entered", viewer: viewing(with(watched(10), func(s *webinar.Session) {
			s.Webinar = "retired"
		})), id: "retired"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := site().Resume(tt.viewer, tt.id, at(200))
			require.ErrorIs(t, err, tt.want)
			if tt.want != nil {
				assert.Equal(t, webinar.Result{}, got)
			}
		})
	}
}

func TestOnlyListedWebinarsCanBeEntered(t *testing.T) {
	t.Parallel()
	_, err := site().Enter(webinar.Viewer{User: viewer42}, "typo", "s", at(0))
	require.ErrorIs(t, err, webinar.ErrUnknownWebinar)

	got, err := openSite().Enter(webinar.Viewer{User: viewer42}, "anything", "s", at(0))
	require.NoError(t, err)
	assert.True(t, got.Created)
}

func TestAtMost100ParkedSessions(t *testing.T) {
	t.Parallel()
	s := newScenario(t, openSite())
	for i := range webinar.MaxParked + 1 {
		s.enter(int64(i), webinar.ID(fmt.Sprintf("w%d", i)))
	}
	require.Len(t, s.viewer.Parked, 100)

	_, err := s.rules.Enter(s.viewer, "one-more", "s", at(500))
	require.ErrorIs(t, err, webinar.ErrLimitExceeded)

	// At the limit the viewer can still switch between existing sessions.
	assert.False(t, s.enter(501, "w0").Created)
	assert.False(t, s.resume(502, "w50").Created)
	assert.False(t, s.enter(503, "w50").Created)
	assert.Len(t, s.viewer.Parked, 100)

	// Without a current session, entering parks nothing.
	s.viewer.Current = nil
	assert.True(t, s.enter(504, "one-more").Created)
	assert.Len(t, s.viewer.Parked, 100)
}

func TestFindDoesNotChangeTheViewer(t *testing.T) {
	t.Parallel()
	parked := with(watched(7), func(s *webinar.Session) { s.ID, s.Webinar = "s-pro", pro })
	v := viewing(watched(10), parked)
	for _, tt := range []struct {
		id   webinar.ID
		want webinar.Session
		err  error
	}{
		{id: "", want: watched(10)},
		{id: intro, want: watched(10)},
		{id: pro, want: parked},
		{id: "other", err: webinar.ErrNoSession},
	} {
		got, err := site().Find(v, tt.id)
		require.ErrorIs(t, err, tt.err)
		assert.Equal(t, tt.want, got)
	}
	assert.Equal(t, viewing(watched(10), parked), v)
}

func TestIDPattern(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"a", "0", "1234", "intro-2_b", strings.Repeat("x", 64)} {
		assert.Regexp(t, webinar.IDPattern, id)
	}
	for _, id := range []string{"", "-a", "_a", "Intro", "a b", "a@b", "a|b", "a\n", "вебинар", strings.Repeat("x", 65)} {
		assert.NotRegexp(t, webinar.IDPattern, id)
	}
}
