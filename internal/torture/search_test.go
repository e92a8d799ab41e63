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
	maxWorlds = 2000
	maxSteps  = 20_000
)

var (
	errUnexplained = errors.New("nothing explains an answer")
	errVague       = errors.New("too much is possible")
)

// search looks for all worlds that explain what one viewer was told. It goes
// from answer to answer. Between two of them any attempt may have been applied
// that nobody was told of, and one that is answered later. Such an attempt may
// be applied more than once: where the answer to a COMMIT is lost, the service
// does all of it again, on what it then finds.
type search struct {
	attempts []*attempt
	offsets  []time.Duration
	calm     bool                             // nothing is applied twice
	sessions map[webinar.ID]webinar.SessionID // as the rows have them in the end
	events   map[string]bool                  // what the sink knows, by marks
	worlds   []*world
	past     time.Time // when what all worlds have gone through was sent: nothing is applied before
	settled  []fact    // of all worlds, in order
	steps    int
}

func newSearch(m *model, e evidence) *search {
	s := &search{
		attempts: m.log, offsets: m.clock.offsets(), calm: m.calm, sessions: map[webinar.ID]webinar.SessionID{}, events: map[string]bool{},
		worlds: []*world{{viewer: webinar.Viewer{User: m.user}}},
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
			s.events[mark(said.Type, said.Data.Webinar, said.Timestamp)] = true
		}
	}
	return s
}

// mark is what an event has in common with others that look like it.
func mark(t webinar.EventType, id webinar.ID, at time.Time) string {
	return fmt.Sprint(t, id, at.Unix())
}

// run leaves the worlds that explain everything. The error is errVague, or
// errUnexplained with what is not.
func (s *search) run() error {
	answered := slices.DeleteFunc(slices.Clone(s.attempts), (*attempt).lost)
	slices.SortStableFunc(answered, func(a, b *attempt) int { return a.over.Compare(b.over) })
	for _, a := range answered {
		before := s.worlds
		if err := s.advance(a, a.over); err != nil {
			return err
		}
		if len(s.worlds) == 0 {
			return unexplained(a, before)
		}
		for i, w := range s.worlds {
			s.worlds[i] = w.after(a)
		}
		if a.sent.After(s.past) {
			s.past = a.sent
		}
		s.reduce()
	}
	return s.advance(nil, time.Now())
}

// advance goes on to the answer of an attempt, which came at a time of ours;
// nil: to the end.
func (s *search) advance(to *attempt, horizon time.Time) error {
	open := s.open(to, horizon)
	var arrived []*world
	seen := map[string]bool{}
	ahead := s.worlds
	for len(ahead) > 0 {
		w := ahead[0]
		ahead = ahead[1:]
		if to == nil || w.isThrough(to) {
			arrived = append(arrived, w)
		}
		if to != nil && w.isThrough(to) {
			continue
		}
		for _, next := range s.follow(w, open, horizon) {
			if key := next.key(); !seen[key] {
				seen[key] = true
				ahead = append(ahead, next)
			}
		}
		if len(seen) > maxWorlds || s.steps > maxSteps {
			return errVague
		}
	}
	s.worlds = arrived
	return nil
}

// open are the attempts that may be applied on the way to an answer.
func (s *search) open(to *attempt, horizon time.Time) []*attempt {
	var open []*attempt
	for _, a := range s.attempts {
		switch {
		case a.sent.After(horizon):
		case !a.lost():
			if to != nil && !a.over.Before(to.over) {
				open = append(open, a)
			}
		case !a.over.IsZero() && a.over.Add(lateness).Before(s.past): // too late
		case slices.ContainsFunc(open, func(o *attempt) bool {
			return o.lost() && reflect.DeepEqual(o.wish, a.wish) && o.over.Add(lateness).After(horizon)
		}):
			// An earlier attempt at the same stands for this one.
		default:
			open = append(open, a)
		}
	}
	return open
}

// follow are the worlds one step further.
func (s *search) follow(w *world, open []*attempt, horizon time.Time) (next []*world) {
	steady := len(s.offsets) == 1
	bound := func(t time.Time) bool { // in time, for what must still come
		for _, c := range open {
			if at, told := c.tells(); told && c.changes() && !w.isThrough(c) && t.After(at) {
				return false
			}
		}
		return !t.Before(w.last)
	}
	for _, a := range open {
		if w.isThrough(a) || slices.ContainsFunc(open, func(o *attempt) bool { return o.standsFor(a) && !w.isThrough(o) }) {
			continue
		}
		if !a.lost() {
			at, told := a.tells()
			if !told {
				at = w.last // a refusal, or what was so before: it changes nothing
			}
			s.steps++
			after, out := w.apply(a, at, a.got.SessionID)
			if out.explains(a) && (!steady || !told || !a.changes() || bound(at)) {
				next = append(next, after.through(a))
			}
		}
		if !a.changes() || s.calm && !a.lost() {
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
	if a == o || a.lost() || o.lost() || a.deed != o.deed || !a.over.Before(o.over) {
		return false
	}
	return reflect.DeepEqual(a.wish, o.wish) && a.got.same(o.got)
}

// tells is the database's time of an attempt, where the answer tells it.
func (a *attempt) tells() (time.Time, bool) {
	if a.lost() {
		return time.Time{}, false
	}
	return a.got.now()
}

// happened tells whether the sink knows of facts that nobody was told of.
func (s *search) happened(facts []fact) bool {
	for _, f := range facts {
		if !s.events[mark(f.event.Type, f.event.Webinar, f.event.At)] {
			return false
		}
	}
	return true
}

// times are the seconds of the database's clock at which an attempt may have
// been applied by now, without a word.
func (s *search) times(a *attempt, w *world, now time.Time) (all []time.Time) {
	from := a.sent
	if w.since.After(from) {
		from = w.since
	}
	if end := a.over.Add(lateness); a.lost() && !a.over.IsZero() && end.Before(now) {
		now = end
	}
	if !a.lost() && a.over.Before(now) {
		now = a.over
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
	different := map[string]*world{}
	for _, w := range s.worlds {
		key := w.key()
		if o := different[key]; o == nil || w.last.Before(o.last) {
			different[key] = w
		}
	}
	s.worlds = slices.Collect(maps.Values(different))
	if len(s.worlds) == 1 {
		only := *s.worlds[0]
		s.settled = append(s.settled, only.facts...)
		only.facts = nil
		s.worlds[0] = &only
	}
}

func unexplained(a *attempt, worlds []*world) error {
	text := ""
	for _, w := range worlds[:min(len(worlds), 4)] {
		text += "\n\t" + describe(w.viewer)
	}
	return fmt.Errorf("%w: %v to %s %s, sent %s, over %s; known so far:%s", errUnexplained, a.got, a.deed, a.body(0),
		a.sent.Format(time.StampMilli), a.over.Format(time.StampMilli), text)
}
