package webinar_test

import (
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"autowebinar/internal/webinar"
)

// transition is an accepted command with the state before and after it.
type transition struct {
	command command
	before  webinar.Viewer
	result  webinar.Result
	newID   webinar.SessionID
	now     time.Time
}

// checkSessions asserts that only the session that the command named differs,
// and only in ways that the command allows.
func (c transition) checkSessions(t *rapid.T) {
	before, after := sessionsByID(c.before), sessionsByID(c.result.Viewer)
	named := c.result.Session
	if c.command.kind != "register" {
		require.Equal(t, after[named.ID], named, "Result.Session is the session named")
	}
	require.Equal(t, c.now, c.result.Now)
	if old, existed := before[named.ID]; existed {
		require.Equal(t, &old, c.result.Before)
	} else {
		require.Nil(t, c.result.Before)
	}
	for id, old := range before {
		s, kept := after[id]
		switch {
		case !kept:
			require.True(t, c.replacedByPHPSession(old), "session %s was lost", id)
		case id != named.ID:
			require.Equal(t, old, s, "a session that was not named is unchanged, parked or not")
		default:
			c.checkNamed(t, old, s)
		}
	}
	c.checkCurrent(t)
}

// replacedByPHPSession reports whether a PHP session was assigned old's webinar.
func (c transition) replacedByPHPSession(old webinar.Session) bool {
	return c.before.Current != nil && c.before.Current.Webinar == "" &&
		c.result.Viewer.Current.ID == c.before.Current.ID && c.result.Viewer.Current.Webinar == old.Webinar
}

func (c transition) checkNamed(t *rapid.T, old, s webinar.Session) {
	assert.GreaterOrEqual(t, s.Percent, old.Percent)
	assert.GreaterOrEqual(t, s.Furthest, old.Furthest)
	if s.LastPosition < old.LastPosition {
		assert.True(t, c.command.report != nil && c.command.report.Seeked, "moved back without a seek")
	}

	// Copy the fields that the command may write; the rest must be equal.
	want := old
	if old.Webinar == "" {
		want.Webinar = s.Webinar // assigned
	}
	if c.command.touches() {
		if old.StartedAt.IsZero() {
			want.StartedAt = c.now
		}
		if c.now.After(old.LastSeenAt) {
			want.LastSeenAt = c.now
		}
	}
	if c.command.report != nil {
		want.LastPosition, want.Furthest, want.Percent = s.LastPosition, s.Furthest, s.Percent
		want.Completed = old.Completed || s.Completed
	}
	if c.command.kind == "exit" && old.LeftAt.IsZero() {
		want.LeftAt = c.now
	}
	if c.command.kind == "cta" && old.CTAClickedAt.IsZero() {
		want.CTAClickedAt = c.now
	}
	assert.Equal(t, want, s)
}

// checkCurrent asserts that only enter and resume change which session is current.
func (c transition) checkCurrent(t *rapid.T) {
	if c.command.activates() {
		require.Equal(t, c.result.Session, *c.result.Viewer.Current)
		return
	}
	if c.before.Current == nil {
		require.Nil(t, c.result.Viewer.Current)
		return
	}
	require.Equal(t, c.before.Current.ID, c.result.Viewer.Current.ID)
}

// checkEvents derives the expected events from the difference of the two
// states. Only evaluations and forms emit events without changing the state.
func (c transition) checkEvents(t *rapid.T) {
	want := []webinar.Event{}
	s := c.result.Session
	expect := func(kind webinar.EventType, id uuid.UUID) *webinar.Event {
		want = append(want, webinar.Event{
			ID: id, Type: kind, User: viewer42, At: c.now,
			Webinar: s.Webinar, WebinarType: webinar.Auto, Session: s.ID,
		})
		return &want[len(want)-1]
	}
	id := func(kind webinar.EventType, parts ...string) uuid.UUID {
		return webinar.EventID(kind, viewer42, append([]string{string(s.ID)}, parts...)...)
	}

	old, existed := sessionsByID(c.before)[s.ID]
	if s.ID != "" && !existed {
		assert.Equal(t, webinar.Session{ID: c.newID, Webinar: c.command.webinar, StartedAt: c.now, LastSeenAt: c.now}, s)
		expect(webinar.EventEntered, id(webinar.EventEntered))
	}
	if s.Completed && !old.Completed {
		expect(webinar.EventCompleted, id(webinar.EventCompleted))
		expect(webinar.EventAttendanceClassified, id(webinar.EventAttendanceClassified, "completed")).Attended = true
	}
	if !s.LeftAt.IsZero() && old.LeftAt.IsZero() {
		expect(webinar.EventLeft, id(webinar.EventLeft)).LeaveReason = c.command.reason
	}
	switch c.command.kind {
	case "evaluate":
		expect(webinar.EventAttendanceClassified,
			id(webinar.EventAttendanceClassified, c.command.evaluation.String())).Attended = s.Completed
	case "submit":
		require.Len(t, c.result.Events, 1)
		expect(webinar.EventFormSubmitted, c.result.Events[0].ID)
	}
	want = append(want, c.newRegistrations(t)...)

	assert.ElementsMatch(t, want, c.result.Events)
	assert.Equal(t, typesOf(want), typesOf(c.result.Events))
	assert.Equal(t, s.ID != "" && !existed || c.command.kind == "register" && len(want) == 1, c.result.Created)
}

// newRegistrations returns the event of a new registration, if there is one.
func (c transition) newRegistrations(t *rapid.T) []webinar.Event {
	events := []webinar.Event{}
	for id, at := range c.before.Registered {
		assert.Equal(t, at, c.result.Viewer.Registered[id], "a registration was changed")
	}
	for id, at := range c.result.Viewer.Registered {
		if _, known := c.before.Registered[id]; known {
			continue
		}
		reg := c.command.registration
		assert.Equal(t, reg.Webinar, id)
		assert.Equal(t, c.now, at)
		events = append(events, webinar.Event{
			ID:   webinar.EventID(webinar.EventRegistered, viewer42, string(id), strconv.FormatInt(at.Unix(), 10)),
			Type: webinar.EventRegistered, User: viewer42, At: at,
			Webinar: id, WebinarType: reg.Type, SlotID: reg.SlotID, Source: reg.Source,
		})
	}
	return events
}
