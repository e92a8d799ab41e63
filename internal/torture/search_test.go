package torture

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"autowebinar/internal/webinar"
)

// lateness is how long the service may still apply a request after the client has
// stopped waiting: it starts no request that has waited for 8 s, and finishes the
// others within 5 s and a connection time-out.
const lateness = 30 * time.Second

// Limits of the search for one viewer: the number of states between two responses,
// and the total number of steps. A step expands a state or applies a request to it,
// which takes about 20 µs. The limits count steps instead of time, so that the
// result does not depend on the speed of the machine.
const (
	maxStates = 2000
	maxSteps  = 20_000
)

var (
	errUnexplained = errors.New("no sequence of requests leads to this response")
	errUndecided   = errors.New("too many states are possible")
)

// search finds all states that explain the responses to one viewer. It advances
// from response to response in the order of their arrival. Before each of them the
// service may have applied unanswered requests, and requests that are answered
// later. It may apply such a request more than once: when the response to a COMMIT
// is lost, it repeats the transaction on the current rows.
type search struct {
	candidates   []*candidate
	offsets      []time.Duration // of the database's clock from the tests' clock
	appliedOnce  bool            // no request is applied twice
	final        finalRows
	events       map[eventKey]bool // that the receiver has
	states       []*state
	notBefore    time.Time       // by the tests' clock; the next change is not applied earlier
	commonEvents []expectedEvent // the events with which all states began, in order
	limit, steps int
}

// candidate is an attempt with values that the search needs often.
type candidate struct {
	*attempt
	key          requestKey
	databaseTime time.Time // from the response; zero if it contains none

	// twin is an equal request with an equal, earlier response. Their order makes
	// no difference, so the search applies the twin first.
	twin *candidate
}

// eventKey identifies an event except for its session and payload.
type eventKey struct {
	eventType webinar.EventType
	webinar   webinar.ID
	at        int64
}

// newSearch returns a search of at most limit steps.
func newSearch(m *model, obs observed, limit int) *search {
	s := &search{
		offsets: m.clock.offsets(), appliedOnce: m.appliedOnce, final: obs.finalRows(), events: map[eventKey]bool{},
		states: []*state{{viewer: webinar.Viewer{User: m.user}}}, limit: min(limit, maxSteps),
	}
	for _, a := range m.attempts {
		c := &candidate{attempt: a, key: a.key()}
		if !a.unanswered() {
			c.databaseTime = a.response.databaseTime()
		}
		s.candidates = append(s.candidates, c)
	}
	type exchange struct {
		requestKey
		response string
	}
	latest := map[exchange]*candidate{}
	for _, c := range s.answered() {
		x := exchange{c.key, c.response.String()}
		if before := latest[x]; before != nil && before.ended.Before(c.ended) {
			c.twin = before
		}
		latest[x] = c
	}
	for _, got := range obs.events {
		var body struct {
			Type      webinar.EventType
			Timestamp time.Time
			Data      struct {
				Webinar webinar.ID `json:"webinar_id"`
			}
		}
		if json.Unmarshal(got.bodies[0], &body) == nil {
			s.events[eventKey{body.Type, body.Data.Webinar, body.Timestamp.Unix()}] = true
		}
	}
	return s
}

// answered returns the answered attempts in the order of their responses.
func (s *search) answered() []*candidate {
	answered := slices.DeleteFunc(slices.Clone(s.candidates), func(c *candidate) bool { return c.unanswered() })
	slices.SortStableFunc(answered, func(a, b *candidate) int { return a.ended.Compare(b.ended) })
	return answered
}

// run reduces s.states to those that explain all responses. It returns errUndecided
// if a limit is reached, or errUnexplained for the first response that no state
// explains.
func (s *search) run() error {
	for _, c := range s.answered() {
		before := s.states
		if err := s.advance(c, c.ended); err != nil {
			return err
		}
		if len(s.states) == 0 {
			return unexplained(c.attempt, before)
		}
		for i, st := range s.states {
			s.states[i] = st.afterResponse(c.attempt)
		}
		if c.sent.After(s.notBefore) {
			s.notBefore = c.sent
		}
		s.reduce()
	}
	return s.advance(nil, time.Now())
}

// advance replaces the states by all that may follow until the horizon, a time of
// the tests' clock. If target is not nil, only states in which it has been applied
// remain.
func (s *search) advance(target *candidate, horizon time.Time) error {
	applicable := s.applicable(target, horizon)
	queue := slices.Clone(s.states)
	lastChange := map[string]time.Time{} // by key, the earliest of equal states
	for _, st := range queue {
		lastChange[st.key()] = st.lastChange
	}
	s.states = nil
	for len(queue) > 0 {
		st := queue[0]
		queue = queue[1:]
		reached := target != nil && st.hasApplied(target.attempt)
		if target == nil || reached {
			s.states = append(s.states, st)
		}
		if reached {
			continue
		}
		for _, next := range s.successors(st, applicable, horizon) {
			key := next.key()
			if last, known := lastChange[key]; known && (!s.hasSteadyClock() || !next.lastChange.Before(last)) {
				continue
			}
			lastChange[key] = next.lastChange
			queue = append(queue, next)
		}
		if len(lastChange) > maxStates || s.steps > s.limit {
			return errUndecided
		}
	}
	return nil
}

// hasSteadyClock reports whether the database's clock was never set during the run,
// so that changes are applied in the order of its times.
func (s *search) hasSteadyClock() bool { return len(s.offsets) == 1 }

// applicable returns the attempts that may have been applied before the response to
// target, or until the horizon if target is nil.
func (s *search) applicable(target *candidate, horizon time.Time) (applicable []*candidate) {
	represented := map[requestKey]bool{} // an earlier, equal unanswered attempt may be applied until the horizon
	for _, c := range s.candidates {
		switch {
		case c.sent.After(horizon):
		case !c.unanswered():
			if target != nil && !c.ended.Before(target.ended) {
				applicable = append(applicable, c)
			}
		case !c.ended.IsZero() && c.ended.Add(lateness).Before(s.notBefore): // too late
		case represented[c.key]:
		default:
			applicable = append(applicable, c)
			represented[c.key] = represented[c.key] || c.ended.Add(lateness).After(horizon)
		}
	}
	return applicable
}

// successors returns the states that follow from st by applying one attempt.
func (s *search) successors(st *state, applicable []*candidate, horizon time.Time) (next []*state) {
	s.steps++
	from, until := s.bounds(st, applicable)
	for _, c := range applicable {
		if s.steps > s.limit {
			return nil
		}
		if st.hasApplied(c.attempt) || c.twin != nil && slices.Contains(applicable, c.twin) && !st.hasApplied(c.twin.attempt) {
			continue
		}
		if !c.unanswered() {
			at := st.lastChange // only a request that changed nothing has a response without a time
			if !c.databaseTime.IsZero() {
				at = c.databaseTime
			}
			if inTime := !at.Before(from) && !at.After(until); inTime || c.databaseTime.IsZero() || !c.changes() {
				s.steps++
				if after, out := st.apply(c.attempt, at, c.response.SessionID); out.explains(c.attempt) {
					next = append(next, after.withApplied(c.attempt))
				}
			}
		}
		if !c.changes() || s.appliedOnce && !c.unanswered() {
			continue
		}
		for _, t := range s.times(c, st, horizon) {
			if t.Before(from) || t.After(until) || !s.final.allows(c.request, t) {
				continue
			}
			if s.steps++; s.steps > s.limit {
				return nil
			}
			if after, out := st.apply(c.attempt, t, s.final.session(c.webinar)); out.err == nil && s.received(after.events[len(st.events):]) {
				next = append(next, after)
			}
		}
	}
	return next
}

// bounds returns the earliest and latest time of the next change: not before the last
// change of the state, and not after any answered change that is still to be applied.
func (s *search) bounds(st *state, applicable []*candidate) (from, until time.Time) {
	until = time.Unix(1<<40, 0)
	if !s.hasSteadyClock() {
		return from, until
	}
	for _, c := range applicable {
		if !c.databaseTime.IsZero() && c.changes() && !st.hasApplied(c.attempt) && c.databaseTime.Before(until) {
			until = c.databaseTime
		}
	}
	return st.lastChange, until
}

// received reports whether the receiver has all of these events.
func (s *search) received(events []expectedEvent) bool {
	return !slices.ContainsFunc(events, func(e expectedEvent) bool {
		return !s.events[eventKey{e.event.Type, e.event.Webinar, e.event.At.Unix()}]
	})
}

// times returns the seconds of the database's clock at which an attempt may have been
// applied before its response, if any, and before now.
func (s *search) times(c *candidate, st *state, now time.Time) (times []time.Time) {
	from := c.sent
	if st.notBefore.After(from) {
		from = st.notBefore
	}
	if end := c.ended.Add(lateness); c.unanswered() && !c.ended.IsZero() && end.Before(now) {
		now = end
	}
	if !c.unanswered() && c.ended.Before(now) {
		now = c.ended
	}
	for _, offset := range s.offsets {
		for t := from.Add(offset).UTC().Truncate(time.Second); !t.After(now.Add(offset)); t = t.Add(time.Second) {
			times = append(times, t)
		}
	}
	return times
}

// reduce removes duplicate states, and moves the events with which all states begin to
// commonEvents.
func (s *search) reduce() {
	var different []*state
	byKey := map[string]int{}
	for _, st := range s.states {
		key := st.key()
		if i, known := byKey[key]; !known {
			byKey[key] = len(different)
			different = append(different, st)
		} else if st.lastChange.Before(different[i].lastChange) {
			different[i] = st
		}
	}
	first, common := different[0].events, len(different[0].events)
	for _, st := range different[1:] {
		n := 0
		for n < min(common, len(st.events)) && st.events[n].key() == first[n].key() {
			n++
		}
		common = n
	}
	s.commonEvents = append(s.commonEvents, first[:common]...)
	for i, st := range different {
		shorter := *st
		shorter.events = st.events[common:]
		different[i] = &shorter
	}
	s.states = different
}

func unexplained(a *attempt, states []*state) error {
	text := ""
	for _, st := range states[:min(len(states), 4)] {
		text += "\n\t" + describe(st.viewer)
	}
	return fmt.Errorf("%w: %v to %s %s, sent %s, ended %s; possible states before it:%s", errUnexplained, a.response, a.route, a.body(0),
		a.sent.Format(time.StampMilli), a.ended.Format(time.StampMilli), text)
}
