package webinar_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

// phpSession returns a session that PHP created with its seven keys. It has no
// webinar, and its furthest position is the last one.
func phpSession() webinar.Session {
	return webinar.Session{
		ID: "php-5f3a", StartedAt: at(0), LastSeenAt: at(100),
		LastPosition: 400, Furthest: 400, Percent: 25,
	}
}

func TestAssigningAWebinarEmitsNoEvent(t *testing.T) {
	t.Parallel()
	assigned := with(phpSession(), func(s *webinar.Session) { s.Webinar = intro })
	seen := with(assigned, func(s *webinar.Session) { s.LastSeenAt = at(110) })
	byWebinar := webinar.SessionRef{Webinar: intro}
	byBoth := webinar.SessionRef{Session: "php-5f3a", Webinar: intro}
	tests := []struct {
		name  string
		apply func(webinar.Viewer) (webinar.Result, error)
		want  webinar.Session
	}{
		{"enter", func(v webinar.Viewer) (webinar.Result, error) {
			return site().Enter(v, intro, "s-unused", at(110))
		}, seen},
		{"resume", func(v webinar.Viewer) (webinar.Result, error) {
			return site().Resume(v, intro, at(110))
		}, seen},
		{"progress", func(v webinar.Viewer) (webinar.Result, error) {
			return site().Progress(v, byWebinar, webinar.Report{Position: 400}, at(110))
		}, seen},
		{"progress by both ids", func(v webinar.Viewer) (webinar.Result, error) {
			return site().Progress(v, byBoth, webinar.Report{Position: 400}, at(110))
		}, seen},
		{"cta", func(v webinar.Viewer) (webinar.Result, error) {
			return site().ClickCTA(v, byWebinar, nil, at(110))
		}, with(assigned, func(s *webinar.Session) { s.CTAClickedAt = at(110) })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.apply(viewing(phpSession()))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.Session)
			assert.Equal(t, viewing(tt.want), got.Viewer)
			assert.Empty(t, got.Events)
			assert.False(t, got.Created)
		})
	}
}

func TestPHPSessionCompletesAndIsParked(t *testing.T) {
	t.Parallel()
	s := newScenario(t, site())
	s.viewer = viewing(phpSession())

	s.progress(400, intro, webinar.Report{Position: 999})
	s.exit(410, intro, nil)
	s.enter(420, pro)

	assert.Equal(t, []webinar.EventType{
		webinar.EventCompleted, webinar.EventAttendanceClassified, webinar.EventLeft, webinar.EventEntered,
	}, s.eventTypes())
	assert.Equal(t, webinar.SessionID("php-5f3a"), s.viewer.Parked[intro].ID)
}

func TestPHPSessionCompletesUnlessCompletedIsSet(t *testing.T) {
	t.Parallel()
	both := []webinar.EventType{webinar.EventCompleted, webinar.EventAttendanceClassified}
	tests := []struct {
		name      string
		percent   int
		completed bool
		want      []webinar.EventType
	}{
		{"percent 100, not completed", 100, false, both},
		{"percent 75, completed", 75, true, []webinar.EventType{}},
		{"percent 100, completed", 100, true, []webinar.EventType{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			php := with(phpSession(), func(s *webinar.Session) {
				s.LastPosition, s.Furthest = 999, 999
				s.Percent, s.Completed = tt.percent, tt.completed
			})
			got, err := site().Progress(viewing(php), webinar.SessionRef{Webinar: intro}, webinar.Report{Position: 1000}, at(110))
			require.NoError(t, err)
			assert.Equal(t, tt.want, typesOf(got.Events))
			assert.True(t, got.Session.Completed)
			assert.Equal(t, 100, got.Session.Percent)
		})
	}
}

func TestSessionWithoutLastSeenAtEarnsOneHeartbeat(t *testing.T) {
	t.Parallel()
	php := with(phpSession(), func(s *webinar.Session) { *s = webinar.Session{ID: "php"} })
	got, err := site().Progress(viewing(php), webinar.SessionRef{Webinar: intro}, webinar.Report{Position: 900}, at(50))
	require.NoError(t, err)
	assert.Equal(t, webinar.Session{
		ID: "php", Webinar: intro, StartedAt: at(50), LastSeenAt: at(50),
		LastPosition: 23, Furthest: 23, // 10 s at rate 2, and 3 s
	}, got.Session)
	assert.True(t, got.Clamped)
}

func TestSessionWithoutWebinarNeedsOne(t *testing.T) {
	t.Parallel()
	v := viewing(phpSession())
	bySession := webinar.SessionRef{Session: "php-5f3a"}
	_, progress := site().Progress(v, bySession, webinar.Report{Position: 410}, at(110))
	_, exit := site().Exit(v, bySession, nil, webinar.UserExit, at(110))
	_, cta := site().ClickCTA(v, bySession, nil, at(110))
	_, submit := site().SubmitForm(v, bySession, webinar.Form{}, at(110))
	_, evaluate := site().Evaluate(v, "", uuid.Nil, at(110))
	for _, err := range []error{progress, exit, cta, submit, evaluate} {
		require.ErrorIs(t, err, webinar.ErrWebinarRequired)
	}

	resumed, err := site().Resume(v, "", at(110)) // emits no event, so it needs no webinar
	require.NoError(t, err)
	assert.Equal(t, webinar.ID(""), resumed.Viewer.Current.Webinar)

	found, err := site().Find(v, intro)
	require.NoError(t, err)
	assert.Equal(t, intro, found.Webinar)
	assert.Equal(t, viewing(phpSession()), v, "Find must not change the viewer")
}

func TestPHPSessionReplacesParkedSession(t *testing.T) {
	t.Parallel()
	older := with(watched(900), func(s *webinar.Session) { s.ID = "s-older" })
	got, err := site().Resume(viewing(phpSession(), older), intro, at(110))
	require.NoError(t, err)
	assert.Equal(t, webinar.SessionID("php-5f3a"), got.Session.ID)
	assert.Empty(t, got.Viewer.Parked)
}

func TestUnlistedWebinarIsNotAssigned(t *testing.T) {
	t.Parallel()
	v := webinar.Viewer{User: viewer42, Current: &webinar.Session{ID: "php"}}
	_, err := site().Progress(v, webinar.SessionRef{Webinar: "typo"}, webinar.Report{Position: 1}, at(10))
	assert.ErrorIs(t, err, webinar.ErrNoSession)
	_, err = site().Progress(v, webinar.SessionRef{Session: "php", Webinar: "typo"}, webinar.Report{Position: 1}, at(10))
	assert.ErrorIs(t, err, webinar.ErrSessionMismatch)
	_, err = site().Resume(v, "typo", at(10))
	assert.ErrorIs(t, err, webinar.ErrNoSession)
}

func TestSessionWithoutWebinarIsNotParked(t *testing.T) {
	t.Parallel()
	v := webinar.Viewer{User: viewer42, Current: &webinar.Session{ID: "php"}, Parked: map[webinar.ID]*webinar.Session{"delisted": {ID: "s-old", Webinar: "delisted"}}}
	_, err := site().Resume(v, "delisted", at(10))
	assert.ErrorIs(t, err, webinar.ErrNoSession)
	got, err := site().Progress(v, webinar.SessionRef{Webinar: "delisted"}, webinar.Report{Position: 1}, at(10))
	assert.NoError(t, err, "a report for the parked session is applied to it")
	assert.Equal(t, webinar.SessionID("s-old"), got.Session.ID)
	assert.Equal(t, v.Current, got.Viewer.Current)
}
