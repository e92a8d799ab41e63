package torture

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

// scriptedViewer is a viewer with requests, responses, rows and events that a test
// defines.
type scriptedViewer struct {
	*model
	observed
	started time.Time
	step    int
}

func newScriptedViewer() *scriptedViewer {
	return &scriptedViewer{
		model:    newModel(7, &clock{}, true),
		observed: observed{rows: map[string][]string{}, events: map[string]*receivedEvent{}},
		started:  time.Now().Add(-time.Minute).Truncate(time.Second).UTC(),
	}
}

// exchange records a request and its response, one second after the previous exchange.
func (s *scriptedViewer) exchange(req request, r response) *attempt {
	a := s.send(req)
	s.step++
	a.sent = s.started.Add(time.Duration(s.step)*time.Second + 100*time.Millisecond)
	if u := s.untrackedOf(a); u != nil {
		u.sent = a.sent
	}
	s.recordResponse(a, &r)
	a.ended = a.sent.Add(100 * time.Millisecond)
	if u := s.untrackedOf(a); u != nil && !u.acked.IsZero() {
		u.acked = a.ended
	}
	return a
}

// nextTime returns the time of the next exchange by the database's clock.
func (s *scriptedViewer) nextTime() *time.Time {
	return new(s.started.Add(time.Duration(s.step+1) * time.Second))
}

func (s *scriptedViewer) enter() {
	at := s.nextTime()
	s.exchange(request{route: enter, webinar: "intro"}, response{status: http.StatusCreated, SessionID: "s", WebinarID: "intro", StartedAt: at, ServerTime: at, LastSeenAt: at})
	s.rows["autowebinar_session_id"], s.rows["autowebinar_webinar_id"] = []string{"s"}, []string{"intro"}
	s.rows["autowebinar_started_at"], s.rows["autowebinar_last_seen_at"] = []string{clockTime(*at)}, []string{clockTime(*at)}
	s.deliver(webinar.Event{ID: webinar.EventID(webinar.EventEntered, 7, "s"), Type: webinar.EventEntered, At: *at, Webinar: "intro"})
}

// evaluate records an evaluation with the attendance in the response and in the event.
func (s *scriptedViewer) evaluate(answered, delivered bool) string {
	at, id := s.nextTime(), uuid.New()
	r := response{status: http.StatusOK, EvaluationID: id}
	r.Results = append(r.Results, struct {
		Result   string `json:"result"`
		Attended *bool  `json:"attended"`
	}{"classified", &answered})
	s.exchange(request{route: attendance, webinar: "intro", id: id}, r)
	return s.deliver(webinar.Event{
		ID:   webinar.EventID(webinar.EventAttendanceClassified, 7, "s", id.String()),
		Type: webinar.EventAttendanceClassified, At: *at, Webinar: "intro", Attended: delivered,
	})
}

func (s *scriptedViewer) submitForm() string {
	at, id := s.nextTime(), uuid.New()
	s.exchange(request{route: form, webinar: "intro", id: id}, response{status: http.StatusOK})
	return s.deliver(webinar.Event{
		ID: webinar.EventID(webinar.EventFormSubmitted, 7, formID, id.String()), Type: webinar.EventFormSubmitted,
		At: *at, Webinar: "intro", Session: "s", FormID: formID, FormPayload: []byte(formPayload),
	})
}

// deliver records that the receiver has accepted an event.
func (s *scriptedViewer) deliver(e webinar.Event) (id string) {
	e.User, e.WebinarType = 7, webinar.Auto
	text := body(e)
	s.events[e.ID.String()] = &receivedEvent{user: 7, body: text, bodies: [][]byte{text}, order: len(s.events) + 1, deliveries: 1, accepted: 1}
	return e.ID.String()
}

func (s *scriptedViewer) swap(a, b string) {
	s.events[a].order, s.events[b].order = s.events[b].order, s.events[a].order
}

func TestCheckFindsFailures(t *testing.T) {
	t.Parallel()
	entered := webinar.EventID(webinar.EventEntered, 7, "s").String()
	for name, test := range map[string]struct {
		script  func(s *scriptedViewer)
		counted func(res *result) int // nil if the check passes
	}{
		"no failure":                     {func(s *scriptedViewer) { s.evaluate(false, false); s.submitForm() }, nil},
		"evaluation unlike its response": {func(s *scriptedViewer) { s.evaluate(true, false) }, func(res *result) int { return res.altered }},
		"evaluation unlike the session":  {func(s *scriptedViewer) { s.evaluate(true, true) }, func(res *result) int { return res.altered }},
		"evaluations out of order":       {func(s *scriptedViewer) { s.swap(s.evaluate(false, false), s.evaluate(false, false)) }, func(res *result) int { return res.outOfOrder }},
		"evaluation before the entry":    {func(s *scriptedViewer) { s.swap(s.evaluate(false, false), entered) }, func(res *result) int { return res.outOfOrder }},
		"entry without an event":         {func(s *scriptedViewer) { delete(s.events, entered) }, func(res *result) int { return res.lost }},
		"entry with another body":        {func(s *scriptedViewer) { s.events[entered].bodies[0] = []byte("{}") }, func(res *result) int { return res.altered }},
		"entry with two bodies":          {func(s *scriptedViewer) { s.events[entered].bodies = append(s.events[entered].bodies, []byte("{}")) }, func(res *result) int { return res.altered }},
		"evaluation without an event":    {func(s *scriptedViewer) { delete(s.events, s.evaluate(false, false)) }, func(res *result) int { return res.lost }},
		"form without an event":          {func(s *scriptedViewer) { delete(s.events, s.submitForm()) }, func(res *result) int { return res.lost }},
		"entry delivered twice":          {func(s *scriptedViewer) { s.events[entered].deliveries++ }, func(res *result) int { return res.unexpectedRedeliveries }},
		"form delivered twice":           {func(s *scriptedViewer) { s.events[s.submitForm()].deliveries++ }, func(res *result) int { return res.unexpectedRedeliveries }},
		"form that fails": {func(s *scriptedViewer) {
			s.exchange(request{route: form, webinar: "pro", id: uuid.New()}, response{status: http.StatusInternalServerError})
		}, func(res *result) int { return res.wrongResponses }},
		"form without a session": {func(s *scriptedViewer) {
			s.exchange(request{route: form, webinar: "pro", id: uuid.New()}, response{status: http.StatusNotFound})
		}, nil},
		"evaluation that is not found": {func(s *scriptedViewer) {
			s.exchange(request{route: attendance, webinar: "intro"}, response{status: http.StatusNotFound})
		}, func(res *result) int { return res.wrongResponses }},
	} {
		for _, undecided := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, undecided: %t", name, undecided), func(t *testing.T) {
				t.Parallel()
				s := newScriptedViewer()
				s.enter()
				test.script(s)
				res := &result{}
				if undecided {
					s.addResponseFailures(res)
					s.checkAcknowledged(res, s.observed)
				} else {
					res, _ = s.check(s.observed, maxSteps)
				}
				if test.counted == nil {
					assert.Equal(t, &result{}, res)
					return
				}
				assert.Positive(t, test.counted(res), "%s\n%s", res, res.firstFailures())
			})
		}
	}
}

// addUnanswered adds n different requests without a response, each of which may have
// been applied in any order or not at all.
func (s *scriptedViewer) addUnanswered(n int64) {
	for position := range n {
		a := s.send(request{route: progress, webinar: "intro", report: &webinar.Report{Position: position % 24, Seeked: true, Ended: position >= 24}})
		a.sent = s.started.Add(10 * time.Second)
		s.recordNoResponse(a)
	}
	s.rows["autowebinar_last_seen_at"] = []string{clockTime(s.started.Add(30 * time.Second))}
}

// The events of acknowledged requests are checked even if the viewer is undecided.
func TestUndecidedViewerIsChecked(t *testing.T) {
	t.Parallel()
	s := newScriptedViewer()
	s.enter()
	s.addUnanswered(12)
	delete(s.events, s.submitForm())
	res, _ := s.check(s.observed, maxSteps)
	assert.Equal(t, 1, res.undecided, res.firstFailures())
	assert.Equal(t, 1, res.lost, res.firstFailures())
}

// Forty requests that may be applied in any order lead to too many states to search.
func TestSearchEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 100, maxSteps} {
		s := newScriptedViewer()
		s.enter()
		s.addUnanswered(40)
		res, steps := s.check(s.observed, limit)
		assert.Equal(t, 1, res.undecided, res.firstFailures())
		assert.LessOrEqual(t, steps, limit+1)
	}
}

// Many clients of one viewer send the same request at the same time. A third of the
// requests get no response, and the others are applied within three seconds.
func TestEqualRequestsAreDecidedInFewSteps(t *testing.T) {
	t.Parallel()
	s := newScriptedViewer()
	s.enter()
	clicked, session := s.nextTime(), s.latest["intro"].response
	s.rows["autowebinar_cta_clicked_at"] = []string{clockTime(*clicked)}
	var attempts []*attempt
	for range 90 {
		a := s.send(request{route: cta, webinar: "intro"})
		a.sent = clicked.Add(100 * time.Millisecond)
		attempts = append(attempts, a)
	}
	for i, a := range attempts {
		if i%3 == 0 {
			s.recordNoResponse(a)
			a.ended = a.sent.Add(time.Second)
			continue
		}
		answer := session
		answer.status, answer.CTAClickedAt = http.StatusOK, clicked
		answer.ServerTime = new(clicked.Add(time.Duration(i*7%3) * time.Second))
		s.recordResponse(a, &answer)
		a.ended = a.sent.Add(time.Duration(3000+i*31%90) * time.Millisecond)
	}
	res, steps := s.check(s.observed, maxSteps)
	assert.Equal(t, &result{}, res, res.firstFailures())
	assert.Less(t, steps, 1000)
}

func TestTooManyUndecidedViewersFail(t *testing.T) {
	t.Parallel()
	require.NoError(t, (&result{viewers: 8, undecided: 2}).err())
	require.ErrorContains(t, (&result{viewers: 8, undecided: 3}).err(), "3 of 8 viewers are undecided")
	require.ErrorContains(t, (&result{viewers: 8, undecided: 3, lost: 1}).err(), "violated a guarantee")
}

// The time of an evaluation's event is that of its id, which may be earlier than the
// request.
func TestEvaluationTakesTimeFromID(t *testing.T) {
	t.Parallel()
	s := newScriptedViewer()
	s.enter()
	id := s.evaluate(false, false)
	u, got := s.untracked[0], s.events[id]
	u.id = uuid.Must(uuid.NewV7())
	created := time.Unix(u.id.Time().UnixTime()).UTC().Truncate(time.Second)
	u.sent, u.acked = created.Add(3*time.Second), created.Add(4*time.Second)
	delete(s.events, id)
	e := webinar.Event{
		ID: webinar.EventID(webinar.EventAttendanceClassified, 7, "s", u.id.String()), Type: webinar.EventAttendanceClassified,
		User: 7, WebinarType: webinar.Auto, At: created, Webinar: "intro",
	}
	got.body, got.bodies = body(e), [][]byte{body(e)}
	s.events[e.ID.String()] = got
	res, _ := s.check(s.observed, maxSteps)
	assert.Equal(t, &result{}, res, res.firstFailures())
}

// A request may have been applied long before the next response.
func TestOldUnansweredRequestMayHaveBeenApplied(t *testing.T) {
	t.Parallel()
	s := newScriptedViewer()
	at := s.started
	a := s.send(request{route: register, webinar: "intro"})
	s.recordNoResponse(a)
	a.sent, a.ended = at.Add(100*time.Millisecond), at.Add(200*time.Millisecond)
	s.step = int(lateness/time.Second) + 10
	s.exchange(request{route: register, webinar: "intro"}, response{status: http.StatusOK, RegisteredAt: &at})
	s.rows["autowebinar_registered@intro"] = []string{clockTime(at)}
	s.deliver(webinar.Event{
		ID:   webinar.EventID(webinar.EventRegistered, 7, "intro", strconv.FormatInt(at.Unix(), 10)),
		Type: webinar.EventRegistered, At: at, Webinar: "intro", Source: source,
	})
	res, _ := s.check(s.observed, maxSteps)
	assert.Equal(t, &result{}, res, res.firstFailures())
}

// A complete response that cannot be decoded does not count as unanswered.
func TestMalformedResponseIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "<html>", `{"session_id":7}`} {
		c := &client{viewer: &viewer{http: &http.Client{Transport: staticResponse(text)}}}
		request, err := http.NewRequest(http.MethodGet, "http://service.example.test/", nil)
		require.NoError(t, err)
		_, err = c.do(request)
		assert.ErrorIs(t, err, errMalformed)
	}
}

type staticResponse string

func (s staticResponse) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(s)))}, nil
}
