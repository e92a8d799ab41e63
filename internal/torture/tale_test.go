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
type tale struct {
	*model
	evidence
	begun time.Time
	step  int
}

func newTale() *tale {
	return &tale{
		model:    newModel(7, &clock{}, true),
		evidence: evidence{rows: map[string][]string{}, events: map[string]*received{}},
		begun:    time.Now().Add(-time.Minute).Truncate(time.Second).UTC(),
	}
}

// asks sends a wish and answers it, a second after the one before.
func (x *tale) asks(w wish, r reply) *attempt {
	a := x.send(w)
	x.step++
	a.sent = x.begun.Add(time.Duration(x.step)*time.Second + 100*time.Millisecond)
	if s := x.side(a); s != nil {
		s.sent = a.sent
	}
	x.answered(a, &r)
	a.over = a.sent.Add(100 * time.Millisecond)
	if s := x.side(a); s != nil && !s.acked.IsZero() {
		s.acked = a.over
	}
	return a
}

// now is the database's time of the next step.
func (x *tale) now() *time.Time { return new(x.begun.Add(time.Duration(x.step+1) * time.Second)) }

func (x *tale) enters() {
	at := x.now()
	x.asks(wish{deed: enter, webinar: "intro"}, reply{status: http.StatusCreated, SessionID: "s", WebinarID: "intro", StartedAt: at, ServerTime: at, LastSeenAt: at})
	x.rows["autowebinar_session_id"], x.rows["autowebinar_webinar_id"] = []string{"s"}, []string{"intro"}
	x.rows["autowebinar_started_at"], x.rows["autowebinar_last_seen_at"] = []string{clockTime(*at)}, []string{clockTime(*at)}
	x.delivers(webinar.Event{ID: webinar.EventID(webinar.EventEntered, 7, "s"), Type: webinar.EventEntered, At: *at, Webinar: "intro"})
}

// evaluates: the service says so of attendance, and the sink is told so.
func (x *tale) evaluates(answer, told bool) string {
	at, id := x.now(), uuid.New()
	r := reply{status: http.StatusOK, EvaluationID: id}
	r.Results = append(r.Results, struct {
		Result   string `json:"result"`
		Attended *bool  `json:"attended"`
	}{"classified", &answer})
	x.asks(wish{deed: attendance, webinar: "intro", id: id}, r)
	return x.delivers(webinar.Event{
		ID:   webinar.EventID(webinar.EventAttendanceClassified, 7, "s", id.String()),
		Type: webinar.EventAttendanceClassified, At: *at, Webinar: "intro", Attended: told,
	})
}

func (x *tale) submits() string {
	at, id := x.now(), uuid.New()
	x.asks(wish{deed: form, webinar: "intro", id: id}, reply{status: http.StatusOK})
	return x.delivers(webinar.Event{
		ID: webinar.EventID(webinar.EventFormSubmitted, 7, formID, id.String()), Type: webinar.EventFormSubmitted,
		At: *at, Webinar: "intro", Session: "s", FormID: formID, FormPayload: []byte(formPayload),
	})
}

// delivers is what the sink gets.
func (x *tale) delivers(e webinar.Event) (id string) {
	e.User, e.WebinarType = 7, webinar.Auto
	text := body(e)
	x.events[e.ID.String()] = &received{user: 7, body: text, bodies: [][]byte{text}, order: len(x.events) + 1, times: 1, taken: 1}
	return e.ID.String()
}

func (x *tale) swap(a, b string) {
	x.events[a].order, x.events[b].order = x.events[b].order, x.events[a].order
}

// What is wrong with a viewer is told, also where too much is possible to search.
func TestTheJudgeTells(t *testing.T) {
	t.Parallel()
	entered := webinar.EventID(webinar.EventEntered, 7, "s").String()
	for name, test := range map[string]struct {
		tell func(x *tale)
		of   func(v *verdict) int // nil: nothing is wrong
	}{
		"nothing":                          {func(x *tale) { x.evaluates(false, false); x.submits() }, nil},
		"an evaluation unlike its answer":  {func(x *tale) { x.evaluates(true, false) }, func(v *verdict) int { return v.altered }},
		"an evaluation unlike the session": {func(x *tale) { x.evaluates(true, true) }, func(v *verdict) int { return v.altered }},
		"evaluations out of order":         {func(x *tale) { x.swap(x.evaluates(false, false), x.evaluates(false, false)) }, func(v *verdict) int { return v.disordered }},
		"an evaluation before the entry":   {func(x *tale) { x.swap(x.evaluates(false, false), entered) }, func(v *verdict) int { return v.disordered }},
		"an entry without an event":        {func(x *tale) { delete(x.events, entered) }, func(v *verdict) int { return v.lost }},
		"an entry in other words":          {func(x *tale) { x.events[entered].bodies[0] = []byte("{}") }, func(v *verdict) int { return v.altered }},
		"an entry in two ways":             {func(x *tale) { x.events[entered].bodies = append(x.events[entered].bodies, []byte("{}")) }, func(v *verdict) int { return v.altered }},
		"an evaluation without an event":   {func(x *tale) { delete(x.events, x.evaluates(false, false)) }, func(v *verdict) int { return v.lost }},
		"a form without an event":          {func(x *tale) { delete(x.events, x.submits()) }, func(v *verdict) int { return v.lost }},
		"an entry twice":                   {func(x *tale) { x.events[entered].times++ }, func(v *verdict) int { return v.again }},
		"a form twice":                     {func(x *tale) { x.events[x.submits()].times++ }, func(v *verdict) int { return v.again }},
		"a form that fails": {func(x *tale) {
			x.asks(wish{deed: form, webinar: "pro", id: uuid.New()}, reply{status: http.StatusInternalServerError})
		}, func(v *verdict) int { return v.wrongReply }},
		"a form of no session": {func(x *tale) {
			x.asks(wish{deed: form, webinar: "pro", id: uuid.New()}, reply{status: http.StatusNotFound})
		}, nil},
		"an evaluation of nobody": {func(x *tale) {
			x.asks(wish{deed: attendance, webinar: "intro"}, reply{status: http.StatusNotFound})
		}, func(v *verdict) int { return v.wrongReply }},
	} {
		for _, vague := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, vague: %t", name, vague), func(t *testing.T) {
				t.Parallel()
				x := newTale()
				x.enters()
				test.tell(x)
				v := &verdict{}
				if vague {
					x.blameReplies(v)
					x.compareCertain(v, x.evidence)
				} else {
					v = x.conclude(x.evidence)
				}
				if test.of == nil {
					assert.Equal(t, &verdict{}, v)
					return
				}
				assert.Positive(t, test.of(v), "%s\n%s", v, v.reasons())
			})
		}
	}
}

// Of a viewer who lost so many answers that nobody can search them all, what was
// acknowledged is still looked for.
func TestAVagueViewerIsJudgedToo(t *testing.T) {
	t.Parallel()
	x := newTale()
	x.enters()
	for position := range int64(12) {
		a := x.send(wish{deed: progress, webinar: "intro", report: &webinar.Report{Position: position, Seeked: true}})
		a.sent = x.begun.Add(10 * time.Second)
		x.lose(a)
	}
	delete(x.events, x.submits())
	v := x.conclude(x.evidence)
	assert.Equal(t, 1, v.vague, v.reasons())
	assert.Equal(t, 1, v.lost, v.reasons())
}

// An evaluation has its time from its id, which may be older than the request.
func TestAnEvaluationOfAnOldIDIsOfThatTime(t *testing.T) {
	t.Parallel()
	x := newTale()
	x.enters()
	id := x.evaluates(false, false)
	s, got := x.sides[0], x.events[id]
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
	v := x.conclude(x.evidence)
	assert.Equal(t, &verdict{}, v, v.reasons())
}

// What was lost may have been applied long before anything is answered again.
func TestWhatWasLostLongAgoMayHaveHappened(t *testing.T) {
	t.Parallel()
	x := newTale()
	at := x.begun
	a := x.send(wish{deed: register, webinar: "intro"})
	x.lose(a)
	a.sent, a.over = at.Add(100*time.Millisecond), at.Add(200*time.Millisecond)
	x.step = int(lateness/time.Second) + 10
	x.asks(wish{deed: register, webinar: "intro"}, reply{status: http.StatusOK, RegisteredAt: &at})
	x.rows["autowebinar_registered@intro"] = []string{clockTime(at)}
	x.delivers(webinar.Event{
		ID:   webinar.EventID(webinar.EventRegistered, 7, "intro", strconv.FormatInt(at.Unix(), 10)),
		Type: webinar.EventRegistered, At: at, Webinar: "intro", Source: source,
	})
	v := x.conclude(x.evidence)
	assert.Equal(t, &verdict{}, v, v.reasons())
}

// A viewer who was told something whole that is no answer does not call it lost.
func TestAnAnswerThatIsNoJSONIsWrong(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "<html>", `{"session_id":7}`} {
		d := &device{person: &person{client: &http.Client{Transport: says(text)}}}
		request, err := http.NewRequest(http.MethodGet, "http://service.example.test/", http.NoBody)
		require.NoError(t, err)
		_, err = d.exchange(request)
		assert.ErrorIs(t, err, errNoJSON)
	}
}

type says string

func (s says) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(s)))}, nil
}
