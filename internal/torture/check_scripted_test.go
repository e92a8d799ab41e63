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

// tale is one viewer's day, as the service told it, and what is left of it.
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

// asks sends a wish and answers it, a second after the one before.
func (x *scriptedViewer) exchange(w request, r response) *attempt {
	a := x.send(w)
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

// now is the database's time of the next step.
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

// evaluates: the service says so of attendance, and the sink is told so.
func (x *scriptedViewer) evaluate(answer, told bool) string {
	at, id := x.nextTime(), uuid.New()
	r := response{status: http.StatusOK, EvaluationID: id}
	r.Results = append(r.Results, struct {
		Result   string `json:"result"`
		Attended *bool  `json:"attended"`
	}{"classified", &answer})
	x.exchange(request{route: attendance, webinar: "intro", id: id}, r)
	return x.deliver(webinar.Event{
		ID:   webinar.EventID(webinar.EventAttendanceClassified, 7, "s", id.String()),
		Type: webinar.EventAttendanceClassified, At: *at, Webinar: "intro", Attended: told,
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

// delivers is what the sink gets.
func (x *scriptedViewer) deliver(e webinar.Event) (id string) {
	e.User, e.WebinarType = 7, webinar.Auto
	text := body(e)
	x.events[e.ID.String()] = &receivedEvent{user: 7, body: text, bodies: [][]byte{text}, order: len(x.events) + 1, deliveries: 1, accepted: 1}
	return e.ID.String()
}

func (x *scriptedViewer) swap(a, b string) {
	x.events[a].order, x.events[b].order = x.events[b].order, x.events[a].order
}

// What is wrong with a viewer is told, also where too much is possible to search.
func TestTheJudgeTells(t *testing.T) {
	t.Parallel()
	entered := webinar.EventID(webinar.EventEntered, 7, "s").String()
	for name, test := range map[string]struct {
		tell func(x *scriptedViewer)
		of   func(v *result) int // nil: nothing is wrong
	}{
		"nothing":                          {func(x *scriptedViewer) { x.evaluate(false, false); x.submitForm() }, nil},
		"an evaluation unlike its answer":  {func(x *scriptedViewer) { x.evaluate(true, false) }, func(v *result) int { return v.altered }},
		"an evaluation unlike the session": {func(x *scriptedViewer) { x.evaluate(true, true) }, func(v *result) int { return v.altered }},
		"evaluations out of order":         {func(x *scriptedViewer) { x.swap(x.evaluate(false, false), x.evaluate(false, false)) }, func(v *result) int { return v.outOfOrder }},
		"an evaluation before the entry":   {func(x *scriptedViewer) { x.swap(x.evaluate(false, false), entered) }, func(v *result) int { return v.outOfOrder }},
		"an entry without an event":        {func(x *scriptedViewer) { delete(x.events, entered) }, func(v *result) int { return v.lost }},
		"an entry in other words":          {func(x *scriptedViewer) { x.events[entered].bodies[0] = []byte("{}") }, func(v *result) int { return v.altered }},
		"an entry in two ways":             {func(x *scriptedViewer) { x.events[entered].bodies = append(x.events[entered].bodies, []byte("{}")) }, func(v *result) int { return v.altered }},
		"an evaluation without an event":   {func(x *scriptedViewer) { delete(x.events, x.evaluate(false, false)) }, func(v *result) int { return v.lost }},
		"a form without an event":          {func(x *scriptedViewer) { delete(x.events, x.submitForm()) }, func(v *result) int { return v.lost }},
		"an entry twice":                   {func(x *scriptedViewer) { x.events[entered].deliveries++ }, func(v *result) int { return v.unexpectedRedeliveries }},
		"a form twice":                     {func(x *scriptedViewer) { x.events[x.submitForm()].deliveries++ }, func(v *result) int { return v.unexpectedRedeliveries }},
		"a form that fails": {func(x *scriptedViewer) {
			x.exchange(request{route: form, webinar: "pro", id: uuid.New()}, response{status: http.StatusInternalServerError})
		}, func(v *result) int { return v.wrongResponses }},
		"a form of no session": {func(x *scriptedViewer) {
			x.exchange(request{route: form, webinar: "pro", id: uuid.New()}, response{status: http.StatusNotFound})
		}, nil},
		"an evaluation of nobody": {func(x *scriptedViewer) {
			x.exchange(request{route: attendance, webinar: "intro"}, response{status: http.StatusNotFound})
		}, func(v *result) int { return v.wrongResponses }},
	} {
		for _, vague := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, vague: %t", name, vague), func(t *testing.T) {
				t.Parallel()
				x := newScriptedViewer()
				x.enter()
				test.tell(x)
				v := &result{}
				if vague {
					x.addResponseFailures(v)
					x.checkAcknowledged(v, x.observed)
				} else {
					v = x.check(x.observed)
				}
				if test.of == nil {
					assert.Equal(t, &result{}, v)
					return
				}
				assert.Positive(t, test.of(v), "%s\n%s", v, v.firstFailures())
			})
		}
	}
}

// Of a viewer who lost so many answers that nobody can search them all, what was
// acknowledged is still looked for.
func TestAVagueViewerIsJudgedToo(t *testing.T) {
	t.Parallel()
	x := newScriptedViewer()
	x.enter()
	for position := range int64(12) {
		a := x.send(request{route: progress, webinar: "intro", report: &webinar.Report{Position: position, Seeked: true}})
		a.sent = x.started.Add(10 * time.Second)
		x.giveUp(a)
	}
	delete(x.events, x.submitForm())
	v := x.check(x.observed)
	assert.Equal(t, 1, v.undecided, v.firstFailures())
	assert.Equal(t, 1, v.lost, v.firstFailures())
}

// An evaluation has its time from its id, which may be older than the request.
func TestAnEvaluationOfAnOldIDIsOfThatTime(t *testing.T) {
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
	v := x.check(x.observed)
	assert.Equal(t, &result{}, v, v.firstFailures())
}

// What was lost may have been applied long before anything is answered again.
func TestWhatWasLostLongAgoMayHaveHappened(t *testing.T) {
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
	v := x.check(x.observed)
	assert.Equal(t, &result{}, v, v.firstFailures())
}

// A viewer who was told something whole that is no answer does not call it lost.
func TestAnAnswerThatIsNoJSONIsWrong(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "<html>", `{"session_id":7}`} {
		d := &client{viewer: &viewer{http: &http.Client{Transport: staticResponse(text)}}}
		request, err := http.NewRequest(http.MethodGet, "http://service.example.test/", http.NoBody)
		require.NoError(t, err)
		_, err = d.do(request)
		assert.ErrorIs(t, err, errMalformed)
	}
}

type staticResponse string

func (s staticResponse) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(s)))}, nil
}
