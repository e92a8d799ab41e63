package webinar_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webinar"
)

func TestPositionMovesBackOnlyWithASeek(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		rep  webinar.Report
		want int64
	}{
		{"a late or reordered report", webinar.Report{Position: 480}, 500},
		{"a paused second tab", webinar.Report{Position: 120}, 500},
		{"entering and leaving immediately", webinar.Report{Position: 0}, 500},
		{"the same position again", webinar.Report{Position: 500}, 500},
		{"forward", webinar.Report{Position: 510}, 510},
		{"seek back", webinar.Report{Position: 480, Seeked: true}, 480},
		{"seek to the beginning", webinar.Report{Position: 0, Seeked: true}, 0},
		{"seek forward", webinar.Report{Position: 510, Seeked: true}, 510},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := with(watched(500), func(s *webinar.Session) { s.Percent = 50 })
			got := report(t, site(), s, tt.rep, at(110))
			assert.Equal(t, tt.want, got.Session.LastPosition)
			assert.Equal(t, max(tt.want, 500), got.Session.Furthest, "the furthest position does not decrease")
			assert.Equal(t, 50, got.Session.Percent)
			assert.Equal(t, at(110), got.Session.LastSeenAt)
			assert.False(t, got.Clamped)
		})
	}
}

// The beacon of a closed page arrives after the viewer has entered again.
func TestLateBeaconAfterReentry(t *testing.T) {
	t.Parallel()
	s := newScenario(t, site())
	s.enter(0, intro)
	s.progress(300, intro, webinar.Report{Position: 300})
	s.enter(310, intro)
	s.progress(320, intro, webinar.Report{Position: 310})
	s.exit(321, intro, &webinar.Report{Position: 305})
	assert.Equal(t, int64(310), s.viewer.Current.LastPosition)
}

func TestPositionsBelowTheFurthestAreNotLimited(t *testing.T) {
	t.Parallel()
	s := with(watched(500), func(s *webinar.Session) { s.LastPosition = 20 })
	for _, position := range []int64{21, 300, 500} {
		got := report(t, site(), s, webinar.Report{Position: position}, at(100))
		assert.Equal(t, position, got.Session.LastPosition)
		assert.Equal(t, int64(500), got.Session.Furthest)
		assert.False(t, got.Clamped)
	}
}

func TestResumePosition(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		rules     webinar.Rules
		last      int64
		furthest  int64
		completed bool
		duration  int64 // in the request
		want      int64
	}{
		{name: "not completed", rules: site(), last: 300, furthest: 700, want: 300},
		{name: "not completed, at the end", rules: site(), last: 1000, furthest: 1000, want: 1000},
		{name: "completed, at the end", rules: site(), last: 1000, furthest: 1000, completed: true, want: 0},
		{name: "completed, 2 s before it", rules: site(), last: 998, furthest: 1000, completed: true, want: 0},
		{name: "completed, 3 s before it", rules: site(), last: 997, furthest: 1000, completed: true, want: 997},
		{name: "second viewing", rules: site(), last: 400, furthest: 1000, completed: true, want: 400},
		{name: "the listed duration overrides the request's", rules: site(), last: 400, furthest: 1000, completed: true, duration: 401, want: 400},
		{name: "at the request's duration", rules: openSite(), last: 400, furthest: 1000, completed: true, duration: 401, want: 0},
		{name: "before the request's duration", rules: openSite(), last: 1000, furthest: 1000, completed: true, duration: 2000, want: 1000},
		{name: "no duration known, at the furthest position", rules: openSite(), last: 998, furthest: 1000, completed: true, want: 0},
		{name: "no duration known, before the furthest position", rules: openSite(), last: 997, furthest: 1000, completed: true, want: 997},
		{name: "completed, no position", rules: openSite(), completed: true, want: 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := with(watched(tt.furthest), func(s *webinar.Session) {
				s.LastPosition, s.Completed = tt.last, tt.completed
			})
			assert.Equal(t, tt.want, tt.rules.ResumeAt(s, tt.duration))
		})
	}
}

func TestSecondViewingCanBeResumed(t *testing.T) {
	t.Parallel()
	s := newScenario(t, site())
	s.enter(0, intro)
	s.progress(1000, intro, webinar.Report{Position: 1000, Ended: true})
	again := s.enter(2000, intro)
	assert.Equal(t, int64(0), s.rules.ResumeAt(again.Session, 0))

	s.progress(2001, intro, webinar.Report{Position: 0, Seeked: true})
	s.progress(2101, intro, webinar.Report{Position: 100})
	s.exit(2102, intro, nil)
	back := s.resume(3000, "")
	assert.Equal(t, int64(100), s.rules.ResumeAt(back.Session, 0))
	assert.Equal(t, 100, back.Session.Percent)
	assert.True(t, back.Session.Completed)
}
