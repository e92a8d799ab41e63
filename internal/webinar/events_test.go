package webinar_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

func TestOnlyTheFirstRegistrationEmitsAnEvent(t *testing.T) {
	t.Parallel()
	v := viewing(watched(10))
	reg := webinar.Registration{Webinar: intro, Type: webinar.Live, SlotID: "evening", Source: "landing"}

	first, err := site().Register(v, reg, at(50))
	require.NoError(t, err)
	assert.True(t, first.Created)
	assert.Equal(t, at(50), first.Viewer.Registered[intro])
	assert.Equal(t, v.Current, first.Viewer.Current, "a registration does not change sessions")
	assert.Equal(t, []webinar.Event{{
		ID:   webinar.EventID(webinar.EventRegistered, viewer42, "intro", "1767225650"),
		Type: webinar.EventRegistered, User: viewer42, At: at(50),
		Webinar: intro, WebinarType: webinar.Live, SlotID: "evening", Source: "landing",
	}}, first.Events)

	for _, again := range []webinar.Registration{
		reg, {Webinar: intro, Type: webinar.Auto, Source: "elsewhere"},
	} {
		repeat, err := site().Register(first.Viewer, again, at(60))
		require.NoError(t, err)
		assert.False(t, repeat.Created)
		assert.Empty(t, repeat.Events)
		assert.Equal(t, first.Viewer, repeat.Viewer)
	}

	other, err := site().Register(first.Viewer, webinar.Registration{Webinar: pro, Type: webinar.Auto}, at(70))
	require.NoError(t, err)
	assert.True(t, other.Created)
}

func TestAutoRegistrationsNeedAListedWebinar(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		rules webinar.Rules
		kind  webinar.Type
		want  error
	}{
		{"auto, not listed", site(), webinar.Auto, webinar.ErrUnknownWebinar},
		{"live, not listed", site(), webinar.Live, nil},
		{"auto, nothing listed", openSite(), webinar.Auto, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.rules.Register(webinar.Viewer{}, webinar.Registration{Webinar: "other", Type: tt.kind}, at(0))
			require.ErrorIs(t, err, tt.want)
		})
	}
}

func TestAtMost200Registrations(t *testing.T) {
	t.Parallel()
	s := newScenario(t, openSite())
	register := func(id webinar.ID) (webinar.Result, error) {
		return s.rules.Register(s.viewer, webinar.Registration{Webinar: id, Type: webinar.Auto}, at(0))
	}
	for i := range webinar.MaxRegistrations {
		s.accept(register(webinar.ID(fmt.Sprintf("w%d", i))))
	}
	require.Len(t, s.viewer.Registered, 200)

	_, err := register("one-more")
	require.ErrorIs(t, err, webinar.ErrLimitExceeded)
	repeat, err := register("w0")
	require.NoError(t, err)
	assert.False(t, repeat.Created)
}

func TestFormEventNamesTheWebinarOfTheSession(t *testing.T) {
	t.Parallel()
	v := viewing(watched(10), parkedPro())
	form := webinar.Form{ID: "survey", SubmissionID: uuid.MustParse("0b7c8a44-61c4-4a55-9d0c-3a5e2f9d1c02"), Payload: []byte(`{"liked":true}`)}
	got, err := site().SubmitForm(v, webinar.SessionRef{Session: "s-pro"}, form, at(500))
	require.NoError(t, err)
	assert.Equal(t, v, got.Viewer, "answers are not stored")
	require.Len(t, got.Events, 1)
	want := webinar.Event{
		ID:   webinar.EventID(webinar.EventFormSubmitted, viewer42, "survey", "0b7c8a44-61c4-4a55-9d0c-3a5e2f9d1c02"),
		Type: webinar.EventFormSubmitted, User: viewer42, At: at(500),
		Webinar: pro, WebinarType: webinar.Auto, Session: "s-pro", FormID: "survey", FormPayload: []byte(`{"liked":true}`),
	}
	assert.Equal(t, want, got.Events[0])
}

func TestEvaluateCurrentAndParkedSessions(t *testing.T) {
	t.Parallel()
	evaluation := uuid.MustParse("6f1c2a7e-0d5b-4c3e-9a64-2f8f5d0c7b11")
	done := with(parkedPro(), func(s *webinar.Session) { s.Completed = true })
	v := viewing(watched(10), done)
	tests := []struct {
		name     string
		id       webinar.ID
		session  webinar.SessionID
		attended bool
		err      error
	}{
		{name: "current, not completed", session: "s-intro"},
		{name: "current by webinar", id: intro, session: "s-intro"},
		{name: "parked, completed", id: pro, session: "s-pro", attended: true},
		{name: "never entered", id: "other", err: webinar.ErrNoSession},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := site().Evaluate(v, tt.id, evaluation, at(500))
			require.ErrorIs(t, err, tt.err)
			if tt.err != nil {
				return
			}
			require.Len(t, got.Events, 1)
			e := got.Events[0]
			assert.Equal(t, webinar.EventAttendanceClassified, e.Type)
			assert.Equal(t, tt.attended, e.Attended)
			assert.Equal(t, tt.session, e.Session)
			assert.Equal(t, at(500), e.At)
			assert.Equal(t, webinar.EventID(e.Type, viewer42, string(tt.session), evaluation.String()), e.ID)
			assert.Equal(t, v, got.Viewer, "an evaluation does not change the viewer")

			repeat, err := site().Evaluate(v, tt.id, evaluation, at(900))
			require.NoError(t, err)
			assert.Equal(t, e.ID, repeat.Events[0].ID)
		})
	}
	_, err := site().Evaluate(webinar.Viewer{User: viewer42}, "", evaluation, at(0))
	require.ErrorIs(t, err, webinar.ErrNoSession)
}

func TestRepeatsHaveTheTimeOfTheirUUIDv7(t *testing.T) {
	t.Parallel()
	v := viewing(watched(10)) // started at 0
	uuidAt := func(second int64) uuid.UUID {
		id := uuid.Must(uuid.NewV7())
		ms := at(second).UnixMilli() + 250
		for i := range 6 {
			id[i] = byte(ms >> (8 * (5 - i)))
		}
		return id
	}
	random := uuid.MustParse("0b7c8a44-61c4-4a55-9d0c-3a5e2f9d1c02")
	tests := []struct {
		name         string
		id           uuid.UUID
		at500, at900 int64 // the event's time if the command runs at 500 and at 900
	}{
		{"created while watching", uuidAt(400), 400, 400},
		{"created by a clock that is ahead", uuidAt(500 + 299), 799, 799},
		{"created by a clock that is too far ahead", uuidAt(900 + 301), 500, 900},
		{"created before the session", uuidAt(-3600), 0, 0},
		{"a random UUID", random, 500, 900},
		{"the nil UUID", uuid.Nil, 500, 900},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for now, want := range map[int64]int64{500: tt.at500, 900: tt.at900} {
				form, err := site().SubmitForm(v, webinar.SessionRef{Webinar: intro}, webinar.Form{SubmissionID: tt.id}, at(now))
				require.NoError(t, err)
				assert.Equal(t, at(want), form.Events[0].At)
				evaluated, err := site().Evaluate(v, intro, tt.id, at(now))
				require.NoError(t, err)
				assert.Equal(t, at(want), evaluated.Events[0].At)
			}
		})
	}
}
