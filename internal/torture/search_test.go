package torture

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"autowebinar/internal/webinar"
)

// lateness is how long after its answer was given up a request may still be
// applied: the service begins nothing that has waited 8 s, and ends within 5 s
// and a time-out of the connection what it has begun.
const lateness = 30 * time.Second

// Where the search gives up on a viewer: at so many worlds between two answers,
// and at so many steps from one to the next in all, which take some seconds. It
// does not look at the clock: what is too vague does not depend on the machine.
const (
	maxStates = 2000
	maxSteps  = 20_000
)

var (
	errUnexplained = errors.New("nothing explains an answer")
	errUndecided   = errors.New("too much is possible")
)

// search looks for all worlds that explain what one viewer was told. It goes
// from answer to answer. Between two of them any attempt may have been applied
// that nobody was told of, and one that is answered later. Such an attempt may
// be applied more than once: where the answer to a COMMIT is lost, the service
// does all of it again, on what it then finds.
type search struct {
	attempts     []*attempt
	offsets      []time.Duration
	appliedOnce  bool                             // nothing is applied twice
	sessions     map[webinar.ID]webinar.SessionID // as the rows have them in the end
	events       map[string]bool                  // what the sink knows, by marks
	states       []*state
	notBefore    time.Time       // when what all worlds have gone through was sent: nothing is applied before
	commonEvents []expectedEvent // of all worlds, in order
	steps        int
}

func newSearch(m *model, e observed) *search {
	s := &search{
		attempts: m.attempts, offsets: m.clock.offsets(), appliedOnce: m.appliedOnce, sessions: map[webinar.ID]webinar.SessionID{}, events: map[string]bool{},
		states: []*state{{viewer: webinar.Viewer{User: m.user}}},
	}
	for id := range rules().Durations {
		s.sessions[id] = "none"
		if values := e.rows["autowebinar_session_id@"+string(id)]; len(values) > 0 {
			s.sessions[id] = webinar.SessionID(values[0])
		} else if current := e.rows["autowebinar_webinar_id"]; len(current) > 0 && current[0] == string(id) && len(e.rows["autowebinar_session_id"]) > 0 {
			s.sessions[id] = webinar.SessionID(e.rows["autowebinar_session_id"][0])
		}
	}
	for _, got := range e.events {
		var said struct {
			Type      webinar.EventType
			Timestamp time.Time
			Data      struct {
				Webinar webinar.ID `json:"webinar_id"`
			}
		}
		if json.Unmarshal(got.bodies[0], &said) == nil {
			s.events[eventKey(said.Type, said.Data.Webinar, said.Timestamp)] = true
		}
	}
	return s
}

// mark is what an event has in common with others that look like it.
func eventKey(t webinar.EventType, id webinar.ID, at time.Time) string {
	return fmt.Sprint(t, id, at.Unix())
}

// run leaves the worlds that explain everything. The error is errVague, or
// errUnexplained with what is not.
func (s *search) run() error {
	answered := slices.DeleteFunc(slices.Clone(s.attempts), (*attempt).unanswered)
	slices.SortStableFunc(answered, func(a, b *attempt) int { return a.ended.Compare(b.ended) })
	for _, a := range answered {
		before := s.states
		if err := s.advance(a, a.ended); err != nil {
			return err
		}
		if len(s.states) == 0 {
			return unexplained(a, before)
		}
		for i, w := range s.states {
			s.states[i] = w.afterResponse(a)
		}
		if a.sent.After(s.notBefore) {
			s.notBefore = a.sent
		}
		s.reduce()
	}
	return s.advance(nil, time.Now())
}

// advance goes on to the answer of an attempt, which came at a time of ours;
// nil: to the end.
func (s *search) advance(to *attempt, horizon time.Time) error {
	open := s.open(to, horizon)
	var arrived []*state
	seen := map[string]bool{}
	ahead := s.states
	for len(ahead) > 0 {
		w := ahead[0]
		ahead = ahead[1:]
		if to == nil || w.hasApplied(to) {
			arrived = append(arrived, w)
		}
		if to != nil && w.hasApplied(to) {
			continue
		}
		for _, next := range s.follow(w, open, horizon) {
			if key := next.key(); !seen[key] {
				seen[key] = true
				ahead = append(ahead, next)
			}
		}
		if len(seen) > maxStates || s.steps > maxSteps {
			return errUndecided
		}
	}
	s.states = arrived
	return nil
}

// open are the attempts that may be applied on the way to an answer.
func (s *search) open(to *attempt, horizon time.Time) []*attempt {
	var open []*attempt
	for _, a := range s.attempts {
		switch {
		case a.sent.After(horizon):
		case !a.unanswered():
			if to != nil && !a.ended.Before(to.ended) {
				open = append(open, a)
			}
		case !a.ended.IsZero() && a.ended.Add(lateness).Before(s.notBefore): // too late
		case slices.ContainsFunc(open, func(o *attempt) bool {
			return o.unanswered() && reflect.DeepEqual(o.request, a.request) && o.ended.Add(lateness).After(horizon)
		}):
			// An earlier attempt at the same stands for this one.
		default:
			open = append(open, a)
		}
	}
	return open
}

// follow are the worlds one step further.
func (s *search) follow(w *state, open []*attempt, horizon time.Time) (next []*state) {
	steady := len(s.offsets) == 1
	bound := func(t time.Time) bool { // in time, for what must still come
		for _, c := range open {
			if at, told := c.databaseTime(); told && c.changes() && !w.hasApplied(c) && t.After(at) {
				return false
			}
		}
		return !t.Before(w.lastChange)
	}
	for _, a := range open {
		if w.hasApplied(a) || slices.ContainsFunc(open, func(o *attempt) bool { return o.standsFor(a) && !w.hasApplied(o) }) {
			continue
		}
		if !a.unanswered() {
			at, told := a.databaseTime()
			if !told {
				at = w.lastChange // a refusal, or what was so before: it changes nothing
			}
			s.steps++
			after, out := w.apply(a, at, a.response.SessionID)
			if out.explains(a) && (!steady || !told || !a.changes() || bound(at)) {
				next = append(next, after.withApplied(a))
			}
		}
		if !a.changes() || s.appliedOnce && !a.unanswered() {
			continue
		}
		for _, t := range s.times(a, w, horizon) {
			if steady && !bound(t) {
				continue
			}
			s.steps++
			if after, out := w.apply(a, t, s.sessions[a.webinar]); out.err == nil && s.happened(after.facts[len(w.facts):]) {
				next = append(next, after)
			}
		}
	}
	return next
}

// standsFor: the same was answered the same, and before. Which of the two was
// applied first makes no difference.
func (a *attempt) standsFor(o *attempt) bool {
	if a == o || a.unanswered() || o.unanswered() || a.route != o.route || !a.ended.Before(o.ended) {
		return false
	}
	return reflect.DeepEqual(a.request, o.request) && a.response.equal(o.response)
}

// tells is the database's time of an attempt, where the answer tells it.
func (a *attempt) databaseTime() (time.Time, bool) {
	if a.unanswered() {
		return time.Time{}, false
	}
	return a.response.databaseTime()
}

// happened tells whether the sink knows of facts that nobody was told of.
func (s *search) happened(facts []expectedEvent) bool {
	for _, f := range facts {
		if !s.events[eventKey(f.event.Type, f.event.Webinar, f.event.At)] {
			return false
		}
	}
	return true
}

// times are the seconds of the database's clock at which an attempt may have
// been applied by now, without a word.
func (s *search) times(a *attempt, w *state, now time.Time) (all []time.Time) {
	from := a.sent
	if w.notBefore.After(from) {
		from = w.notBefore
	}
	if end := a.ended.Add(lateness); a.unanswered() && !a.ended.IsZero() && end.Before(now) {
		now = end
	}
	if !a.unanswered() && a.ended.Before(now) {
		now = a.ended
	}
	for _, offset := range s.offsets {
		for t := from.Add(offset).UTC().Truncate(time.Second); !t.After(now.Add(offset)); t = t.Add(time.Second) {
			all = append(all, t)
		}
	}
	return all
}

// reduce keeps one of many equal worlds, and settles the facts that no doubt is
// left about.
func (s *search) reduce() {
	different := map[string]*state{}
	for _, w := range s.states {
		key := w.key()
		if o := different[key]; o == nil || w.lastChange.Before(o.lastChange) {
			different[key] = w
		}
	}
	s.states = slices.Collect(maps.Values(different))
	if len(s.states) == 1 {
		only := *s.states[0]
		s.commonEvents = append(s.commonEvents, only.facts...)
		only.facts = nil
		s.states[0] = &only
	}
}

func unexplained(a *attempt, worlds []*state) error {
	text := ""
	for _, w := range worlds[:min(len(worlds), 4)] {
		text += "\n\t" + describe(w.viewer)
	}
	return fmt.Errorf("%w: %v to %s %s, sent %s, over %s; known so far:%s", errUnexplained, a.response, a.route, a.body(0),
		a.sent.Format(time.StampMilli), a.ended.Format(time.StampMilli), text)
}
