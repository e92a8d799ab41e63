package webinar_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"autowebinar/internal/webinar"
)

// machine is a viewer under commands in any order: sent, repeated, delivered
// late, at a clock that steps back and forth.
type machine struct {
	rules  webinar.Rules
	viewer webinar.Viewer
	now    time.Time
	made   int                 // new session ids so far
	known  []webinar.SessionID // all sessions ever seen
	past   []command           // delivered, and may come again
	late   []command           // sent, not yet delivered
	once   map[uuid.UUID]bool  // facts that happen once
}

func TestAnyOrderOfCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{rules: drawRules(t), viewer: drawViewer(t), now: at(0), once: map[uuid.UUID]bool{}}
		m.learn()
		t.Repeat(map[string]func(*rapid.T){
			"send":  func(t *rapid.T) { m.deliver(t, drawCommand(t, m.known)) },
			"send ": func(t *rapid.T) { m.deliver(t, drawCommand(t, m.known)) }, // the usual case
			"hold back": func(t *rapid.T) {
				m.late = append(m.late, drawCommand(t, m.known))
			},
			"deliver late": func(t *rapid.T) {
				if len(m.late) == 0 {
					return // nothing yet
				}
				i := rapid.IntRange(0, len(m.late)-1).Draw(t, "which")
				c := m.late[i]
				m.late = slices.Delete(m.late, i, i+1)
				m.deliver(t, c)
			},
			"deliver again": func(t *rapid.T) {
				if len(m.past) == 0 {
					return // nothing yet
				}
				m.deliver(t, rapid.SampledFrom(m.past).Draw(t, "which"))
			},
			"": m.check,
		})
	})
}

// deliver applies a command and compares all that it did with all it may do.
func (m *machine) deliver(t *rapid.T, c command) {
	m.now = m.now.Add(drawStep(t))
	m.made++
	newID := webinar.SessionID(fmt.Sprintf("s%d", m.made))
	before := copyOf(m.viewer)

	got, err := c.apply(m.rules, m.viewer, newID, m.now)

	require.Equal(t, before, m.viewer, "the input was changed")
	again, errAgain := c.apply(m.rules, m.viewer, newID, m.now)
	require.Equal(t, got, again, "the same inputs gave another result")
	require.Equal(t, err, errAgain)
	m.past = append(m.past, c)
	if err != nil {
		require.Equal(t, webinar.Result{}, got, "a refusal says nothing else")
		return
	}
	change := change{cmd: c, before: before, got: got, newID: newID, now: m.now}
	change.checkSessions(t)
	change.checkEvents(t)
	m.checkOnce(t, got.Events)
	m.viewer = got.Viewer
	m.learn()
}

// check holds between any two commands.
func (m *machine) check(t *rapid.T) {
	for id, s := range m.viewer.Parked {
		assert.Equal(t, id, s.Webinar)
	}
	sessions := sessionsOf(m.viewer)
	count := len(m.viewer.Parked)
	if m.viewer.Current != nil {
		count++
		assert.NotContains(t, m.viewer.Parked, m.viewer.Current.Webinar)
	}
	assert.Len(t, sessions, count, "session ids are unique")
	for _, s := range sessions {
		assert.GreaterOrEqual(t, s.Furthest, s.LastPosition)
		assert.Contains(t, []int{0, 25, 50, 75, 100}, s.Percent)
		if s.ID != "php" {
			assert.Equal(t, s.Completed, s.Percent == 100)
		}
		assert.Contains(t, []int64{0, s.LastPosition}, m.rules.ResumeAt(s, 0))
	}
	before := copyOf(m.viewer)
	for _, id := range []webinar.ID{"", "a", "b", "unlisted"} {
		_, _ = m.rules.Find(m.viewer, id)
	}
	assert.Equal(t, before, m.viewer, "looking changed something")
}

// checkOnce: no fact is told twice, but for a repeated evaluation or form.
func (m *machine) checkOnce(t *rapid.T, events []webinar.Event) {
	for _, e := range events {
		evaluated := e.Type == webinar.EventAttendanceClassified &&
			e.ID != webinar.EventID(e.Type, e.User, string(e.Session), "completed")
		if evaluated || e.Type == webinar.EventFormSubmitted {
			continue
		}
		require.False(t, m.once[e.ID], "%s a second time", e.Type)
		m.once[e.ID] = true
	}
}

func (m *machine) learn() {
	for id := range sessionsOf(m.viewer) {
		if !slices.Contains(m.known, id) {
			m.known = append(m.known, id)
		}
	}
	slices.Sort(m.known)
}

// copyOf is a deep copy made by hand, so that Clone is tested too.
func copyOf(v webinar.Viewer) webinar.Viewer {
	c := webinar.Viewer{User: v.User, Registered: maps.Clone(v.Registered)}
	if v.Current != nil {
		c.Current = new(*v.Current)
	}
	if v.Parked != nil {
		c.Parked = map[webinar.ID]*webinar.Session{}
		for id, s := range v.Parked {
			c.Parked[id] = new(*s)
		}
	}
	return c
}

func sessionsOf(v webinar.Viewer) map[webinar.SessionID]webinar.Session {
	all := map[webinar.SessionID]webinar.Session{}
	if v.Current != nil {
		all[v.Current.ID] = *v.Current
	}
	for _, s := range v.Parked {
		all[s.ID] = *s
	}
	return all
}
