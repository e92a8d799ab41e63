package webinar_test

import (
	"errors"
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

// model is a viewer who receives commands in any order, repeated and delayed,
// while the clock steps back and forth.
type model struct {
	rules      webinar.Rules
	viewer     webinar.Viewer
	now        time.Time
	created    int                 // number of session ids used
	sessionIDs []webinar.SessionID // of all sessions seen so far
	delivered  []command           // may be delivered again
	delayed    []command           // sent but not delivered yet
	seenOnce   map[uuid.UUID]bool  // ids of events that must not repeat
}

func TestRandomCommandSequences(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{rules: drawRules(t), viewer: drawViewer(t), now: at(0), seenOnce: map[uuid.UUID]bool{}}
		m.collectSessionIDs()
		t.Repeat(map[string]func(*rapid.T){
			"send":  func(t *rapid.T) { m.deliver(t, drawCommand(t, m.sessionIDs)) },
			"send ": func(t *rapid.T) { m.deliver(t, drawCommand(t, m.sessionIDs)) }, // more often than the other actions
			"delay": func(t *rapid.T) {
				m.delayed = append(m.delayed, drawCommand(t, m.sessionIDs))
			},
			"deliver delayed": func(t *rapid.T) {
				if len(m.delayed) == 0 {
					return // nothing yet
				}
				i := rapid.IntRange(0, len(m.delayed)-1).Draw(t, "index")
				c := m.delayed[i]
				m.delayed = slices.Delete(m.delayed, i, i+1)
				m.deliver(t, c)
			},
			"deliver again": func(t *rapid.T) {
				if len(m.delivered) == 0 {
					return // nothing yet
				}
				m.deliver(t, rapid.SampledFrom(m.delivered).Draw(t, "command"))
			},
			"": m.check,
		})
	})
}

// deliver applies a command and checks all of its effects.
func (m *model) deliver(t *rapid.T, c command) {
	m.now = m.now.Add(drawClockStep(t))
	m.created++
	newID := webinar.SessionID(fmt.Sprintf("s%d", m.created))
	before := deepCopy(m.viewer)

	got, err := c.apply(m.rules, m.viewer, newID, m.now)

	require.Equal(t, before, m.viewer, "the input was changed")
	again, errAgain := c.apply(m.rules, m.viewer, newID, m.now)
	require.Equal(t, got, again, "the same inputs gave another result")
	require.Equal(t, err, errAgain)
	m.delivered = append(m.delivered, c)
	if err != nil {
		require.Equal(t, webinar.Result{}, got, "an error comes with an empty result")
		m.checkMismatch(t, err)
		return
	}
	step := transition{command: c, before: before, result: got, newID: newID, now: m.now}
	step.checkSessions(t)
	step.checkEvents(t)
	m.checkEventsOnce(t, got.Events)
	m.viewer = got.Viewer
	m.collectSessionIDs()
}

// check asserts the invariants between commands.
func (m *model) check(t *rapid.T) {
	for id, s := range m.viewer.Parked {
		assert.Equal(t, id, s.Webinar)
	}
	sessions := sessionsByID(m.viewer)
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
	before := deepCopy(m.viewer)
	for _, id := range []webinar.ID{"", "a", "b", "unlisted"} {
		_, _ = m.rules.Find(m.viewer, id)
	}
	assert.Equal(t, before, m.viewer, "Find changed the viewer")
}

// checkMismatch asserts that a session mismatch carries the current session.
func (m *model) checkMismatch(t *rapid.T, err error) {
	var mismatch *webinar.SessionMismatchError
	require.Equal(t, errors.Is(err, webinar.ErrSessionMismatch), errors.As(err, &mismatch))
	if mismatch == nil {
		return
	}
	require.Equal(t, m.viewer.Current, mismatch.Current)
	require.Equal(t, m.now, mismatch.Now)
	if mismatch.Current != nil {
		require.NotSame(t, m.viewer.Current, mismatch.Current)
	}
}

// checkEventsOnce asserts that only evaluations and forms emit an event again.
func (m *model) checkEventsOnce(t *rapid.T, events []webinar.Event) {
	for _, e := range events {
		evaluated := e.Type == webinar.EventAttendanceClassified &&
			e.ID != webinar.EventID(e.Type, e.User, string(e.Session), "completed")
		if evaluated || e.Type == webinar.EventFormSubmitted {
			continue
		}
		require.False(t, m.seenOnce[e.ID], "%s emitted twice", e.Type)
		m.seenOnce[e.ID] = true
	}
}

func (m *model) collectSessionIDs() {
	for id := range sessionsByID(m.viewer) {
		if !slices.Contains(m.sessionIDs, id) {
			m.sessionIDs = append(m.sessionIDs, id)
		}
	}
	slices.Sort(m.sessionIDs)
}

// deepCopy does not use Clone, so that Clone is tested too.
func deepCopy(v webinar.Viewer) webinar.Viewer {
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

func sessionsByID(v webinar.Viewer) map[webinar.SessionID]webinar.Session {
	all := map[webinar.SessionID]webinar.Session{}
	if v.Current != nil {
		all[v.Current.ID] = *v.Current
	}
	for _, s := range v.Parked {
		all[s.ID] = *s
	}
	return all
}
