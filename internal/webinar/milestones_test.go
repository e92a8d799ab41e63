package webinar_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webinar"
)

// anyRate accepts every position.
func anyRate(rules webinar.Rules) webinar.Rules {
	rules.MaxRate = 0
	return rules
}

func TestMilestones(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		position int64
		want     int
	}{
		{"the beginning", 0, 0},
		{"just before 25", 249, 0},
		{"exactly 25", 250, 25},
		{"after 25", 263, 25},
		{"just before 50", 499, 25},
		{"exactly 50", 500, 50},
		{"after 75", 751, 75},
		{"3 s before the end", 997, 75},
		{"2 s before the end", 998, 100},
		{"the end", 1000, 100},
		{"past the end", 604800, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := report(t, anyRate(site()), watched(0), webinar.Report{Position: tt.position}, at(110))
			assert.Equal(t, tt.want, got.Session.Percent)
			assert.Equal(t, tt.want == 100, got.Session.Completed)
			assert.Equal(t, min(tt.position, 1000), got.Session.LastPosition)
			assert.False(t, got.Clamped)
		})
	}
}

func TestPercentNeverDecreases(t *testing.T) {
	t.Parallel()
	for _, percent := range []int{0, 25, 50, 75, 100} {
		s := with(watched(1000), func(s *webinar.Session) { s.Percent = percent })
		s.LastPosition, s.Furthest = 300, 300
		back := report(t, site(), s, webinar.Report{Position: 0, Seeked: true}, at(110))
		assert.Equal(t, max(percent, 25), back.Session.Percent, "from %d, seeked to the beginning", percent)
		longer := report(t, openSite(), s, webinar.Report{Position: 301, Duration: 100000}, at(110))
		assert.Equal(t, percent, longer.Session.Percent, "from %d, of a longer video", percent)
	}
}

func TestMilestonesOfVeryShortVideos(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		duration, position int64
		want               int
	}{
		{duration: 1, position: 0, want: 0},
		{duration: 1, position: 1, want: 100},
		{duration: 2, position: 0, want: 0},
		{duration: 3, position: 0, want: 0},
		{duration: 3, position: 1, want: 100},
		{duration: 8, position: 5, want: 50},
		{duration: 8, position: 6, want: 100},
	} {
		got := report(t, anyRate(openSite()), watched(0), webinar.Report{Position: tt.position, Duration: tt.duration}, at(110))
		assert.Equal(t, tt.want, got.Session.Percent, "%d of %d s", tt.position, tt.duration)
	}
}

func TestReaching100CompletesOnce(t *testing.T) {
	t.Parallel()
	got := report(t, site(), watched(990), webinar.Report{Position: 998}, at(110))

	event := func(kind webinar.EventType, attended bool, parts ...string) webinar.Event {
		return webinar.Event{
			ID: webinar.EventID(kind, viewer42, parts...), Type: kind, User: viewer42, At: at(110),
			Webinar: intro, WebinarType: webinar.Auto, Session: "s-intro", Attended: attended,
		}
	}
	assert.True(t, got.Session.Completed)
	assert.Equal(t, []webinar.Event{
		event(webinar.EventCompleted, false, "s-intro"),
		event(webinar.EventAttendanceClassified, true, "s-intro", "completed"),
	}, got.Events)

	again := report(t, site(), got.Session, webinar.Report{Position: 1000, Ended: true}, at(120))
	assert.Empty(t, again.Events)
	assert.True(t, again.Session.Completed)
}

func TestEnded(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		rules    webinar.Rules
		furthest int64
		rep      webinar.Report
		position int64
		percent  int
	}{
		{"5 s before the end", site(), 990, webinar.Report{Position: 995, Ended: true}, 1000, 100},
		{"1 % and 2 s before the end", site(), 980, webinar.Report{Position: 988, Ended: true}, 1000, 100},
		{"further from the end it is ignored", site(), 980, webinar.Report{Position: 987, Ended: true}, 987, 75},
		{"at the beginning", site(), 0, webinar.Report{Position: 0, Ended: true}, 0, 0},
		{"where the position was cut", site(), 960, webinar.Report{Position: 1000, Ended: true}, 983, 75},
		{"where it was cut silently", site(), 974, webinar.Report{Position: 1000, Ended: true}, 997, 75},
		{"any rate", anyRate(site()), 0, webinar.Report{Position: 10, Ended: true}, 1000, 100},
		{"claimed duration", openSite(), 190, webinar.Report{Position: 196, Duration: 200, Ended: true}, 200, 100},
		{"no duration known", openSite(), 190, webinar.Report{Position: 196, Ended: true}, 196, 0},
		{"no duration known, any rate", anyRate(openSite()), 190, webinar.Report{Position: 900, Ended: true}, 900, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := report(t, tt.rules, watched(tt.furthest), tt.rep, at(110))
			assert.Equal(t, tt.position, got.Session.LastPosition)
			assert.Equal(t, tt.percent, got.Session.Percent)
			assert.Equal(t, tt.percent == 100, got.Session.Completed)
		})
	}
}

func TestListedDurationOverridesClaimedDuration(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		rules   webinar.Rules
		webinar webinar.ID
		claimed int64
		want    int
	}{
		{"listed", site(), intro, 0, 50},
		{"listed, claimed shorter", site(), intro, 500, 50},
		{"listed, claimed longer", site(), intro, 5000, 50},
		{"claimed", openSite(), intro, 2000, 25},
		{"claimed, other webinars listed", site(), "other", 2000, 25},
		{"none known", openSite(), intro, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := with(watched(500), func(s *webinar.Session) { s.Webinar = tt.webinar })
			got := report(t, tt.rules, s, webinar.Report{Position: 501, Duration: tt.claimed}, at(110))
			assert.Equal(t, tt.want, got.Session.Percent)
			assert.Equal(t, int64(501), got.Session.LastPosition)
		})
	}
}

func TestMilestonesAreReachedWhenTheDurationBecomesKnown(t *testing.T) {
	t.Parallel()
	s := newScenario(t, openSite())
	s.enter(0, intro)
	s.progress(100, intro, webinar.Report{Position: 100})
	assert.Equal(t, 0, s.viewer.Current.Percent)
	s.progress(110, intro, webinar.Report{Position: 0, Duration: 101, Seeked: true})
	assert.Equal(t, 100, s.viewer.Current.Percent)
	assert.Equal(t, []webinar.EventType{
		webinar.EventEntered, webinar.EventCompleted, webinar.EventAttendanceClassified,
	}, s.eventTypes())
}
