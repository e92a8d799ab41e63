package webinar_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

func TestExitWithoutPosition(t *testing.T) {
	t.Parallel()
	got, err := site().Exit(viewing(watched(500)), webinar.SessionRef{Webinar: intro}, nil, webinar.NetworkLoss, at(110))
	require.NoError(t, err)
	assert.Equal(t, with(watched(500), func(s *webinar.Session) {
		s.LastSeenAt, s.LeftAt = at(110), at(110)
	}), got.Session)
	assert.Equal(t, []webinar.Event{{
		ID:   webinar.EventID(webinar.EventLeft, viewer42, "s-intro"),
		Type: webinar.EventLeft, User: viewer42, At: at(110),
		Webinar: intro, WebinarType: webinar.Auto, Session: "s-intro",
		LeaveReason: webinar.NetworkLoss,
	}}, got.Events)
}

func TestExitWithPositionAppliesTheReport(t *testing.T) {
	t.Parallel()
	left := []webinar.EventType{webinar.EventLeft}
	tests := []struct {
		name     string
		furthest int64
		rep      webinar.Report
		position int64
		percent  int
		clamped  bool
		events   []webinar.EventType
	}{
		{"moves forward", 490, webinar.Report{Position: 500}, 500, 50, false, left},
		{"position 0 does not move back", 490, webinar.Report{Position: 0}, 490, 25, false, left},
		{"seeked back", 490, webinar.Report{Position: 10, Seeked: true}, 10, 25, false, left},
		{"a skip is clamped", 490, webinar.Report{Position: 1000, Ended: true}, 513, 50, true, left},
		{"closing at the very end completes", 990, webinar.Report{Position: 1000}, 1000, 100, false, []webinar.EventType{
			webinar.EventCompleted, webinar.EventAttendanceClassified, webinar.EventLeft,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := site().Exit(viewing(watched(tt.furthest)), webinar.SessionRef{Webinar: intro}, &tt.rep, webinar.SessionEnd, at(110))
			require.NoError(t, err)
			assert.Equal(t, tt.position, got.Session.LastPosition)
			assert.Equal(t, tt.percent, got.Session.Percent)
			assert.Equal(t, tt.clamped, got.Clamped)
			assert.Equal(t, at(110), got.Session.LeftAt)
			assert.Equal(t, tt.events, typesOf(got.Events))
		})
	}
}

func TestOnlyTheFirstExitEmitsLeft(t *testing.T) {
	t.Parallel()
	s := newScenario(t, site())
	s.enter(0, intro)
	s.exit(10, intro, nil)
	s.enter(20, intro)
	again := s.exit(40, intro, &webinar.Report{Position: 20})

	assert.Equal(t, at(10), again.Session.LeftAt)
	assert.Equal(t, at(40), again.Session.LastSeenAt)
	assert.Equal(t, int64(20), again.Session.LastPosition, "the later exit applies its report")

	// A session may be completed after the exit.
	s.progress(1040, intro, webinar.Report{Position: 1000})
	assert.Equal(t, []webinar.EventType{
		webinar.EventEntered, webinar.EventLeft, webinar.EventCompleted, webinar.EventAttendanceClassified,
	}, s.eventTypes())
}

func TestFirstCTAClickIsKept(t *testing.T) {
	t.Parallel()
	s := newScenario(t, site())
	s.enter(0, intro)
	first := s.cta(10, intro, nil)
	second := s.cta(20, intro, &webinar.Report{Position: 20})
	assert.Equal(t, at(10), first.Session.CTAClickedAt)
	assert.Equal(t, at(10), second.Session.CTAClickedAt)
	assert.Equal(t, []webinar.EventType{webinar.EventEntered}, s.eventTypes(), "a click emits no event")
}

func TestCTAClickUpdatesLastSeenAtOnlyWithAPosition(t *testing.T) {
	t.Parallel()
	without, err := site().ClickCTA(viewing(watched(100)), webinar.SessionRef{Webinar: intro}, nil, at(150))
	require.NoError(t, err)
	assert.Equal(t, with(watched(100), func(s *webinar.Session) { s.CTAClickedAt = at(150) }), without.Session)

	// The next report therefore still earns the time before the click.
	next := report(t, site(), without.Session, webinar.Report{Position: 200}, at(151))
	assert.Equal(t, int64(200), next.Session.LastPosition)

	withPosition, err := site().ClickCTA(viewing(watched(100)), webinar.SessionRef{Webinar: intro}, &webinar.Report{Position: 140}, at(150))
	require.NoError(t, err)
	assert.Equal(t, with(watched(140), func(s *webinar.Session) {
		s.LastSeenAt, s.CTAClickedAt = at(150), at(150)
	}), withPosition.Session)
}

func TestCTAClickWithPositionAppliesTheReport(t *testing.T) {
	t.Parallel()
	click := func(furthest int64, report webinar.Report) webinar.Result {
		got, err := site().ClickCTA(viewing(watched(furthest)), webinar.SessionRef{Webinar: intro}, &report, at(110))
		require.NoError(t, err)
		return got
	}
	completes := click(990, webinar.Report{Position: 999})
	assert.Equal(t, []webinar.EventType{webinar.EventCompleted, webinar.EventAttendanceClassified}, typesOf(completes.Events))

	skips := click(100, webinar.Report{Position: 999})
	assert.True(t, skips.Clamped)
	assert.Equal(t, int64(123), skips.Session.LastPosition)

	late := click(500, webinar.Report{Position: 400})
	assert.Equal(t, int64(500), late.Session.LastPosition)
}
