package webinar_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webinar"
)

// Each case is one report by a viewer last seen elapsed seconds ago at position
// 100.
func TestReportLimit(t *testing.T) {
	t.Parallel()
	rate := func(r float64) webinar.Rules {
		rules := site()
		rules.MaxRate = r
		return rules
	}
	tests := []struct {
		name     string
		rules    webinar.Rules
		elapsed  int64
		position int64
		want     int64
		clamped  bool
	}{
		{"in time", site(), 10, 110, 110, false},
		{"at the highest rate", site(), 10, 120, 120, false},
		{"within the tolerance", site(), 10, 123, 123, false},
		{"1 s beyond is cut silently", site(), 10, 124, 123, false},
		{"3 s beyond is cut silently", site(), 10, 126, 123, false},
		{"4 s beyond is clamped", site(), 10, 127, 123, true},
		{"a skip to the end is clamped", site(), 10, 1000, 123, true},
		{"tolerance after 5 s", site(), 5, 200, 113, true},
		{"no tolerance after 4 s", site(), 4, 200, 108, true},
		{"immediately, nothing is earned", site(), 0, 103, 100, false},
		{"immediately, a skip is clamped", site(), 0, 104, 100, true},
		{"negative elapsed counts as one heartbeat", site(), -1, 999, 123, true},
		{"long negative elapsed counts as one heartbeat", site(), -86400, 999, 123, true},
		{"normal speed only", rate(1), 10, 999, 113, true},
		{"a fractional rate is floored", rate(1.5), 7, 999, 113, true},
		{"half speed", rate(0.5), 3, 999, 101, true},
		{"rate 0 disables the limit", rate(0), 0, 999, 999, false},
		{"the position is cut to the duration first", rate(500), 10, 604800, 1000, false},
		{"cut to the duration, then by a little", site(), 448, 604800, 999, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, seeked := range []bool{false, true} {
				rep := webinar.Report{Position: tt.position, Seeked: seeked}
				got := report(t, tt.rules, watched(100), rep, at(100+tt.elapsed))
				assert.Equal(t, tt.want, got.Session.LastPosition)
				assert.Equal(t, tt.want, got.Session.Furthest)
				assert.Equal(t, tt.clamped, got.Clamped)
				assert.Equal(t, at(100+max(tt.elapsed, 0)), got.Session.LastSeenAt)
			}
		})
	}
}

func TestShortHeartbeatEarnsNoTolerance(t *testing.T) {
	t.Parallel()
	rules := site()
	rules.Heartbeat = 4
	got := report(t, rules, watched(100), webinar.Report{Position: 999}, at(0))
	assert.Equal(t, int64(108), got.Session.Furthest)
}

func TestLimitStartsAtTheFurthestPosition(t *testing.T) {
	t.Parallel()
	s := with(watched(500), func(s *webinar.Session) { s.LastPosition = 20 })
	got := report(t, site(), s, webinar.Report{Position: 999}, at(110))
	assert.Equal(t, int64(523), got.Session.LastPosition)
	assert.True(t, got.Clamped)
}

func TestCompletedSessionAcceptsAnyPosition(t *testing.T) {
	t.Parallel()
	s := with(watched(100), func(s *webinar.Session) { s.Completed, s.Percent = true, 100 })
	got := report(t, site(), s, webinar.Report{Position: 900}, at(100))
	assert.Equal(t, int64(900), got.Session.LastPosition)
	assert.False(t, got.Clamped)
	assert.Empty(t, got.Events)
}

func TestQuickReportsDoNotAddUpToASkip(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		every int64 // seconds between reports
		want  int64 // reached after 60 s
	}{
		{"every 60 s", 60, 123},
		{"every second", 1, 120},
		{"every 4 s", 4, 120},
		{"every 5 s, each with the tolerance of 3 s", 5, 156},
		{"every 10 s", 10, 138},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScenario(t, site())
			s.enter(0, intro)
			for now := tt.every; now <= 60; now += tt.every {
				for range 50 {
					s.progress(now, intro, webinar.Report{Position: 1000, Ended: true})
				}
			}
			assert.Equal(t, tt.want, s.viewer.Current.Furthest)
			assert.False(t, s.viewer.Current.Completed)
		})
	}
}

// Enter, resume and the report when playback starts set LastSeenAt, so the time
// before them is not counted as watched.
func TestAbsenceEarnsNothing(t *testing.T) {
	t.Parallel()
	const hour = 3600
	returns := map[string]func(*scenario){
		"enter":  func(s *scenario) { s.enter(hour, intro) },
		"resume": func(s *scenario) { s.resume(hour, "") },
		"play":   func(s *scenario) { s.progress(hour, intro, webinar.Report{Position: 100}) },
		"back from another webinar": func(s *scenario) {
			s.enter(200, pro)
			s.resume(hour, intro)
		},
	}
	for name, returnTo := range returns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScenario(t, site())
			s.enter(0, intro)
			s.progress(100, intro, webinar.Report{Position: 100})
			returnTo(s)
			got := s.progress(hour+10, intro, webinar.Report{Position: 1000})
			assert.Equal(t, int64(123), got.Session.LastPosition)
			assert.True(t, got.Clamped)
		})
	}
}

func TestWatchingAnotherWebinarDoesNotChangeTheLimit(t *testing.T) {
	t.Parallel()
	s := newScenario(t, site())
	s.enter(0, intro)
	s.enter(1, pro)
	s.progress(100, pro, webinar.Report{Position: 90})
	got := s.progress(100, intro, webinar.Report{Position: 100})
	assert.Equal(t, int64(100), got.Session.LastPosition)
	assert.False(t, got.Clamped)
}
