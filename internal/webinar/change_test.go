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

// change is what one accepted command did.
type change struct {
	cmd    command
	before webinar.Viewer
	got    webinar.Result
	newID  webinar.SessionID
	now    time.Time
}

// checkSessions: only the session that the command named may differ, and that
// one only in ways the command allows.
func (c change) checkSessions(t *rapid.T) {
	before, after := sessionsOf(c.before), sessionsOf(c.got.Viewer)
	named := c.got.Session
	if c.cmd.kind != "register" {
		require.Equal(t, after[named.ID], named, "the answer is the session named")
	}
	for id, old := range before {
		s, kept := after[id]
		switch {
		case !kept:
			require.True(t, c.adoptedOver(old), "session %s was lost", id)
		case id != named.ID:
			require.Equal(t, old, s, "a session that was not named, moved or not, stays whole")
		default:
			c.checkNamed(t, old, s)
		}
	}
	c.checkCurrent(t)
}

// adoptedOver tells whether a PHP session took the place of old.
func (c change) adoptedOver(old webinar.Session) bool {
	return c.before.Current != nil && c.before.Current.Webinar == "" &&
		c.got.Viewer.Current.ID == c.before.Current.ID && c.got.Viewer.Current.Webinar == old.Webinar
}

func (c change) checkNamed(t *rapid.T, old, s webinar.Session) {
	assert.GreaterOrEqual(t, s.Percent, old.Percent)
	assert.GreaterOrEqual(t, s.Furthest, old.Furthest)
	if s.LastPosition < old.LastPosition {
		assert.True(t, c.cmd.report != nil && c.cmd.report.Seeked, "moved back, not sought")
	}

	// What the command may write is taken over, the rest must be equal.
	want := old
	if old.Webinar == "" {
		want.Webinar = s.Webinar // adopted
	}
	if c.cmd.touches() {
		if old.StartedAt.IsZero() {
			want.StartedAt = c.now
		}
		if c.now.After(old.LastSeenAt) {
			want.LastSeenAt = c.now
		}
	}
	if c.cmd.report != nil {
		want.LastPosition, want.Furthest, want.Percent = s.LastPosition, s.Furthest, s.Percent
		want.Completed = old.Completed || s.Completed
	}
	if c.cmd.kind == "exit" && old.LeftAt.IsZero() {
		want.LeftAt = c.now
	}
	if c.cmd.kind == "cta" && old.CTAClickedAt.IsZero() {
		want.CTAClickedAt = c.now
	}
	assert.Equal(t, want, s)
}

// checkCurrent: only enter and resume change which session is current.
func (c change) checkCurrent(t *rapid.T) {
	if c.cmd.moves() {
		require.Equal(t, c.got.Session, *c.got.Viewer.Current)
		return
	}
	if c.before.Current == nil {
		require.Nil(t, c.got.Viewer.Current)
		return
	}
	require.Equal(t, c.before.Current.ID, c.got.Viewer.Current.ID)
}

// checkEvents: the events are those that the difference of the two states
// tells, in order, and no other; only an evaluation and a form leave no trace.
func (c change) checkEvents(t *rapid.T) {
	want := []webinar.Event{}
	s := c.got.Session
	fact := func(kind webinar.EventType, id uuid.UUID) *webinar.Event {
		want = append(want, webinar.Event{
			ID: id, Type: kind, User: viewer42, At: c.now,
			Webinar: s.Webinar, WebinarType: webinar.Auto, Session: s.ID,
		})
		return &want[len(want)-1]
	}
	id := func(kind webinar.EventType, parts ...string) uuid.UUID {
		return webinar.EventID(kind, viewer42, append([]string{string(s.ID)}, parts...)...)
	}

	old, existed := sessionsOf(c.before)[s.ID]
	if s.ID != "" && !existed {
		assert.Equal(t, webinar.Session{ID: c.newID, Webinar: c.cmd.webinar, StartedAt: c.now, LastSeenAt: c.now}, s)
		fact(webinar.EventEntered, id(webinar.EventEntered))
	}
	if s.Completed && !old.Completed {
		fact(webinar.EventCompleted, id(webinar.EventCompleted))
		fact(webinar.EventAttendanceClassified, id(webinar.EventAttendanceClassified, "completed")).Attended = true
	}
	if !s.LeftAt.IsZero() && old.LeftAt.IsZero() {
		fact(webinar.EventLeft, id(webinar.EventLeft)).LeaveReason = c.cmd.reason
	}
	switch c.cmd.kind {
	case "evaluate":
		fact(webinar.EventAttendanceClassified,
			id(webinar.EventAttendanceClassified, c.cmd.evaluation.String())).Attended = s.Completed
	case "submit":
		require.Len(t, c.got.Events, 1)
		fact(webinar.EventFormSubmitted, c.got.Events[0].ID)
	}
	want = append(want, c.registered(t)...)

	assert.ElementsMatch(t, want, c.got.Events)
	assert.Equal(t, types(want), types(c.got.Events))
	assert.Equal(t, s.ID != "" && !existed || c.cmd.kind == "register" && len(want) == 1, c.got.Created)
}

// registered is the event that a new registration tells, if there is one.
func (c change) registered(t *rapid.T) []webinar.Event {
	news := []webinar.Event{}
	for id, at := range c.before.Registered {
		assert.Equal(t, at, c.got.Viewer.Registered[id], "a registration was changed")
	}
	for id, at := range c.got.Viewer.Registered {
		if _, known := c.before.Registered[id]; known {
			continue
		}
		reg := c.cmd.registration
		assert.Equal(t, reg.Webinar, id)
		assert.Equal(t, c.now, at)
		news = append(news, webinar.Event{
			ID:   webinar.EventID(webinar.EventRegistered, viewer42, string(id), strconv.FormatInt(at.Unix(), 10)),
			Type: webinar.EventRegistered, User: viewer42, At: at,
			Webinar: id, WebinarType: reg.Type, SlotID: reg.SlotID, Source: reg.Source,
		})
	}
	return news
}
