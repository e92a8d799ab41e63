package webinar_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"autowebinar/internal/webinar"
)

// budget computes, independently of the rules, how far a session can have been
// watched: each report earns the time since the session was last seen, times
// the rate.
type budget struct {
	rules       webinar.Rules
	lastSeen    time.Time
	earned      int64
	endReported bool // a report said that the video ended
}

func (b *budget) add(c command, now time.Time) {
	if c.report != nil {
		elapsed := int64(math.Round(now.Sub(b.lastSeen).Seconds()))
		if b.lastSeen.IsZero() || elapsed < 0 {
			elapsed = b.rules.Heartbeat
		}
		b.earned += int64(math.Floor(float64(elapsed) * b.rules.MaxRate))
		if elapsed >= 5 {
			b.earned += 3
		}
		b.endReported = b.endReported || c.report.Ended
	}
	if c.touches() && now.After(b.lastSeen) {
		b.lastSeen = now
	}
}

// covers reports whether the earned seconds reach position in a video of
// duration seconds. A player's "ended" counts within 5 s or 1 % of the end.
func (b *budget) covers(position, duration int64) bool {
	reach := b.earned
	if b.endReported && reach >= duration-max(5, duration/100) {
		reach = duration
	}
	return reach >= position
}

// For any sequence of commands and clock steps, a listed webinar is completed,
// and its milestones are reached, only by watching.
func TestProgressCannotExceedPlaybackRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		durations := map[webinar.ID]int64{"a": 100, "b": 30, "c": 700}
		rules := webinar.Rules{
			Durations: durations,
			MaxRate:   rapid.SampledFrom([]float64{0.5, 1, 1.25, 2, 3}).Draw(t, "rate"),
			Heartbeat: rapid.Int64Range(1, 20).Draw(t, "heartbeat"),
		}
		v, now := webinar.Viewer{User: viewer42}, at(0)
		budgets := map[webinar.SessionID]*budget{}
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			now = now.Add(drawClockStep(t))
			c := drawCommand(t, []webinar.SessionID{"s-a", "s-b", "s-c"})
			got, err := c.apply(rules, v, webinar.SessionID("s-"+c.webinar), now)
			if err != nil {
				continue
			}
			v = got.Viewer
			s := got.Session
			if s.ID == "" {
				continue
			}
			if budgets[s.ID] == nil {
				budgets[s.ID] = &budget{rules: rules}
			}
			b := budgets[s.ID]
			b.add(c, now)
			if s.Completed {
				require.True(t, b.covers(durations[s.Webinar]-2, durations[s.Webinar]),
					"completed %s with %d s earned", s.Webinar, b.earned)
				continue // a completed session accepts any position
			}
			require.True(t, b.covers(s.Furthest, durations[s.Webinar]), "%s at %d s with %d s earned", s.Webinar, s.Furthest, b.earned)
			require.LessOrEqual(t, int64(s.Percent)*durations[s.Webinar], s.Furthest*100)
		}
	})
}

func TestReportsOfTheEndReachExactlyWhatWasEarned(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		duration := rapid.Int64Range(1, 2000).Draw(t, "duration")
		rules := webinar.Rules{
			Durations: map[webinar.ID]int64{"a": duration},
			MaxRate:   rapid.SampledFrom([]float64{0.5, 1, 1.25, 2, 3}).Draw(t, "rate"),
			Heartbeat: rapid.Int64Range(1, 20).Draw(t, "heartbeat"),
		}
		v, now := webinar.Viewer{User: viewer42}, at(0)
		b := &budget{rules: rules}
		enter := command{kind: "enter", webinar: "a"}
		skip := command{kind: "progress", ref: webinar.SessionRef{Webinar: "a"}, report: &webinar.Report{Position: duration}}
		for _, c := range append([]command{enter}, repeat(skip, rapid.IntRange(1, 40).Draw(t, "reports"))...) {
			now = now.Add(drawClockStep(t))
			got, err := c.apply(rules, v, "s", now)
			require.NoError(t, err)
			b.add(c, now)
			require.Equal(t, min(b.earned, duration), got.Session.Furthest)
			require.Equal(t, b.earned >= max(duration-2, 1), got.Session.Completed)
			if got.Session.Completed {
				return
			}
			v = got.Viewer
		}
	})
}

// Any reporting interval, any allowed speed, pauses and seeking back are accepted.
func TestHonestViewerIsNeverClamped(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := site()
		s, now, position := watched(0), int64(100), int64(0)
		seeks := rapid.IntRange(0, 5).Draw(t, "seeks")
		for !s.Completed {
			elapsed := rapid.Int64Range(1, 40).Draw(t, "elapsed")
			speed := rapid.SampledFrom([]int64{1, 1, 2, 0}).Draw(t, "speed")
			seeked := seeks > 0 && rapid.IntRange(0, 3).Draw(t, "seeks back") == 0
			if seeked {
				seeks--
				position = rapid.Int64Range(0, position).Draw(t, "to")
			}
			now += elapsed
			position = min(position+elapsed*speed, 1000)
			report := webinar.Report{Position: position, Seeked: seeked, Ended: position == 1000}
			got, err := rules.Progress(viewing(s), webinar.SessionRef{Webinar: intro}, report, at(now))
			require.NoError(t, err)
			require.False(t, got.Clamped)
			require.Equal(t, position, got.Session.LastPosition)
			s = got.Session
		}
		assert.GreaterOrEqual(t, s.Furthest, int64(998))
		assert.Equal(t, 100, s.Percent)
	})
}

func repeat(c command, n int) []command {
	list := make([]command, n)
	for i := range list {
		list[i] = c
	}
	return list
}
