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

// scriptedViewer is a viewer with a made-up history: requests with their responses,
// and the rows and events that they leave behind.
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

// exchange records a request and its response, a second after the one before.
func (x *scriptedViewer) exchange(req request, r response) *attempt {
	a := x.send(req)
	x.step++
	a.sent = x.started.Add(time.Duration(x.step)*time.Second + 100*time.Millisecond)
	if s := x.untrackedOf(a); s != nil {
		s.sent = a.sent
	}
	x.recordResponse(a, &r)
	a.ended = a.sent.Add(100 * time.Millisecond)
	if s := x.untrackedOf(a); s != nil && !s.acked.IsZero() {
		s.acked = a.ended
	}
	return a
}

// nextTime is the database's time of the next exchange.
func (x *scriptedViewer) nextTime() *time.Time {
	return new(x.started.Add(time.Duration(x.step+1) * time.Second))
}

func (x *scriptedViewer) enter() {
	at := x.nextTime()
	x.exchange(request{route: enter, webinar: "intro"}, response{status: http.StatusCreated, SessionID: "s", WebinarID: "intro", StartedAt: at, ServerTime: at, LastSeenAt: at})
	x.rows["autowebinar_session_id"], x.rows["autowebinar_webinar_id"] = []string{"s"}, []string{"intro"}
	x.rows["autowebinar_started_at"], x.rows["autowebinar_last_seen_at"] = []string{clockTime(*at)}, []string{clockTime(*at)}
	x.deliver(webinar.Event{ID: webinar.EventID(webinar.EventEntered, 7, "s"), Type: webinar.EventEntered, At: *at, Webinar: "intro"})
}

// evaluate records an evaluation that the response and the event classify as given.
func (x *scriptedViewer) evaluate(answered, delivered bool) string {
	at, id := x.nextTime(), uuid.New()
	r := response{status: http.StatusOK, EvaluationID: id}
	r.Results = append(r.Results, struct {
		Result   string `json:"result"`
		Attended *bool  `json:"attended"`
	}{"classified", &answered})
	x.exchange(request{route: attendance, webinar: "intro", id: id}, r)
	return x.deliver(webinar.Event{
		ID:   webinar.EventID(webinar.EventAttendanceClassified, 7, "s", id.String()),
		Type: webinar.EventAttendanceClassified, At: *at, Webinar: "intro", Attended: delivered,
	})
}

func (x *scriptedViewer) submitForm() string {
	at, id := x.nextTime(), uuid.New()
	x.exchange(request{route: form, webinar: "intro", id: id}, response{status: http.StatusOK})
	return x.deliver(webinar.Event{
		ID: webinar.EventID(webinar.EventFormSubmitted, 7, formID, id.String()), Type: webinar.EventFormSubmitted,
		At: *at, Webinar: "intro", Session: "s", FormID: formID, FormPayload: []byte(formPayload),
	})
}

// deliver records an event that the receiver has accepted.
func (x *scriptedViewer) deliver(e webinar.Event) (id string) {
	e.User, e.WebinarType = 7, webinar.Auto
	text := body(e)
	x.events[e.ID.String()] = &receivedEvent{user: 7, body: text, bodies: [][]byte{text}, order: len(x.events) + 1, deliveries: 1, accepted: 1}
	return e.ID.String()
}

func (x *scriptedViewer) swap(a, b string) {
	x.events[a].order, x.events[b].order = x.events[b].order, x.events[a].order
}

func TestCheckFindsFailures(t *testing.T) {
	t.Parallel()
	entered := webinar.EventID(webinar.EventEntered, 7, "s").String()
	for name, test := range map[string]struct {
		script  func(x *scriptedViewer)
		counted func(v *result) int // nil: the check passes
	}{
		"no failure":                     {func(x *scriptedViewer) { x.evaluate(false, false); x.submitForm() }, nil},
		"evaluation unlike its response": {func(x *scriptedViewer) { x.evaluate(true, false) }, func(v *result) int { return v.altered }},
		"evaluation unlike the session":  {func(x *scriptedViewer) { x.evaluate(true, true) }, func(v *result) int { return v.altered }},
		"evaluations out of order":       {func(x *scriptedViewer) { x.swap(x.evaluate(false, false), x.evaluate(false, false)) }, func(v *result) int { return v.outOfOrder }},
		"evaluation before the entry":    {func(x *scriptedViewer) { x.swap(x.evaluate(false, false), entered) }, func(v *result) int { return v.outOfOrder }},
		"entry without an event":         {func(x *scriptedViewer) { delete(x.events, entered) }, func(v *result) int { return v.lost }},
		"entry with another body":        {func(x *scriptedViewer) { x.events[entered].bodies[0] = []byte("{}") }, func(v *result) int { return v.altered }},
		"entry with two bodies":          {func(x *scriptedViewer) { x.events[entered].bodies = append(x.events[entered].bodies, []byte("{}")) }, func(v *result) int { return v.altered }},
		"evaluation without an event":    {func(x *scriptedViewer) { delete(x.events, x.evaluate(false, false)) }, func(v *result) int { return v.lost }},
		"form without an event":          {func(x *scriptedViewer) { delete(x.events, x.submitForm()) }, func(v *result) int { return v.lost }},
		"entry delivered twice":          {func(x *scriptedViewer) { x.events[entered].deliveries++ }, func(v *result) int { return v.unexpectedRedeliveries }},
		"form delivered twice":           {func(x *scriptedViewer) { x.events[x.submitForm()].deliveries++ }, func(v *result) int { return v.unexpectedRedeliveries }},
		"form that fails": {func(x *scriptedViewer) {
			x.exchange(request{route: form, webinar: "pro", id: uuid.New()}, response{status: http.StatusInternalServerError})
		}, func(v *result) int { return v.wrongResponses }},
		"form without a session": {func(x *scriptedViewer) {
			x.exchange(request{route: form, webinar: "pro", id: uuid.New()}, response{status: http.StatusNotFound})
		}, nil},
		"evaluation that is not found": {func(x *scriptedViewer) {
			x.exchange(request{route: attendance, webinar: "intro"}, response{status: http.StatusNotFound})
		}, func(v *result) int { return v.wrongResponses }},
	} {
		for _, undecided := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, undecided: %t", name, undecided), func(t *testing.T) {
				t.Parallel()
				x := newScriptedViewer()
				x.enter()
				test.script(x)
				v := &result{}
				if undecided {
					x.addResponseFailures(v)
					x.checkAcknowledged(v, x.observed)
				} else {
					v, _ = x.check(x.observed, maxSteps)
				}
				if test.counted == nil {
					assert.Equal(t, &result{}, v)
					return
				}
				assert.Positive(t, test.counted(v), "%s\n%s", v, v.firstFailures())
			})
		}
	}
}

// addUnanswered adds requests without a response, all different, which may be
// applied in any order or not at all.
func (x *scriptedViewer) addUnanswered(n int64) {
	for position := range n {
		a := x.send(request{route: progress, webinar: "intro", report: &webinar.Report{Position: position % 24, Seeked: true, Ended: position >= 24}})
		a.sent = x.started.Add(10 * time.Second)
		x.giveUp(a)
	}
	x.rows["autowebinar_last_seen_at"] = []string{clockTime(x.started.Add(30 * time.Second))}
}

// What was acknowledged is checked even if the viewer is undecided.
func TestUndecidedViewerIsChecked(t *testing.T) {
	t.Parallel()
	x := newScriptedViewer()
	x.enter()
	x.addUnanswered(12)
	delete(x.events, x.submitForm())
	v, _ := x.check(x.observed, maxSteps)
	assert.Equal(t, 1, v.undecided, v.firstFailures())
	assert.Equal(t, 1, v.lost, v.firstFailures())
}

// Forty requests that may be applied in any order have more states than could ever
// be searched.
func TestSearchEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 100, maxSteps} {
		x := newScriptedViewer()
		x.enter()
		x.addUnanswered(40)
		v, steps := x.check(x.observed, limit)
		assert.Equal(t, 1, v.undecided, v.firstFailures())
		assert.LessOrEqual(t, steps, limit+1)
	}
}

// Many clients of one viewer send the same request at the same time. A third of
// them are refused, and the others are applied in three seconds.
func TestEqualRequestsAreDecidedInFewSteps(t *testing.T) {
	t.Parallel()
	x := newScriptedViewer()
	x.enter()
	clicked, session := x.nextTime(), x.latest["intro"].response
	x.rows["autowebinar_cta_clicked_at"] = []string{clockTime(*clicked)}
	var attempts []*attempt
	for range 90 {
		a := x.send(request{route: cta, webinar: "intro"})
		a.sent = clicked.Add(100 * time.Millisecond)
		attempts = append(attempts, a)
	}
	for i, a := range attempts {
		if i%3 == 0 {
			x.giveUp(a)
			a.ended = a.sent.Add(time.Second)
			continue
		}
		answer := session
		answer.status, answer.CTAClickedAt = http.StatusOK, clicked
		answer.ServerTime = new(clicked.Add(time.Duration(i*7%3) * time.Second))
		x.recordResponse(a, &answer)
		a.ended = a.sent.Add(time.Duration(3000+i*31%90) * time.Millisecond)
	}
	v, steps := x.check(x.observed, maxSteps)
	assert.Equal(t, &result{}, v, v.firstFailures())
	assert.Less(t, steps, 1000)
}

func TestTooManyUndecidedViewersFail(t *testing.T) {
	t.Parallel()
	require.NoError(t, (&result{viewers: 8, undecided: 2}).err())
	require.ErrorContains(t, (&result{viewers: 8, undecided: 3}).err(), "3 of 8 viewers are undecided")
	require.ErrorContains(t, (&result{viewers: 8, undecided: 3, lost: 1}).err(), "broke a promise")
}

// An evaluation takes its time from its id, which may be older than the request.
func TestEvaluationTakesTimeFromID(t *testing.T) {
	t.Parallel()
	x := newScriptedViewer()
	x.enter()
	id := x.evaluate(false, false)
	s, got := x.untracked[0], x.events[id]
	s.id = uuid.Must(uuid.NewV7())
	made := time.Unix(s.id.Time().UnixTime()).UTC().Truncate(time.Second)
	s.sent, s.acked = made.Add(3*time.Second), made.Add(4*time.Second)
	delete(x.events, id)
	e := webinar.Event{
		ID: webinar.EventID(webinar.EventAttendanceClassified, 7, "s", s.id.String()), Type: webinar.EventAttendanceClassified,
		User: 7, WebinarType: webinar.Auto, At: made, Webinar: "intro",
	}
	got.body, got.bodies = body(e), [][]byte{body(e)}
	x.events[e.ID.String()] = got
	v, _ := x.check(x.observed, maxSteps)
	assert.Equal(t, &result{}, v, v.firstFailures())
}

// A request may have been applied long before the next response.
func TestOldUnansweredRequestMayHaveBeenApplied(t *testing.T) {
	t.Parallel()
	x := newScriptedViewer()
	at := x.started
	a := x.send(request{route: register, webinar: "intro"})
	x.giveUp(a)
	a.sent, a.ended = at.Add(100*time.Millisecond), at.Add(200*time.Millisecond)
	x.step = int(lateness/time.Second) + 10
	x.exchange(request{route: register, webinar: "intro"}, response{status: http.StatusOK, RegisteredAt: &at})
	x.rows["autowebinar_registered@intro"] = []string{clockTime(at)}
	x.deliver(webinar.Event{
		ID:   webinar.EventID(webinar.EventRegistered, 7, "intro", strconv.FormatInt(at.Unix(), 10)),
		Type: webinar.EventRegistered, At: at, Webinar: "intro", Source: source,
	})
	v, _ := x.check(x.observed, maxSteps)
	assert.Equal(t, &result{}, v, v.firstFailures())
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
