package torture

import (
	"bytes"
	"maps"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// comparison holds what must be at the sink of one viewer against what is there.
type comparison struct {
	verdict

	model  *model
	viewer webinar.Viewer
	events map[string]*received
	rest   map[string]*received // not asked for yet
	placed []placed
}

func newComparison(m *model, v webinar.Viewer, e evidence) *comparison {
	return &comparison{model: m, viewer: v, events: e.events, rest: maps.Clone(e.events)}
}

// placed is something that came to be between two times of ours, zero where
// nobody knows, and has a place at the sink.
type placed struct {
	what     string
	from, to time.Time
	order    int // 0: none
}

func (p placed) before(o placed) bool { return !p.to.IsZero() && p.to.Before(o.from) }

// place tells of whatever came to the sink in another order than to be.
func (c *comparison) place(p placed) {
	for _, o := range c.placed {
		if p.order > 0 && o.order > 0 && (p.before(o) && p.order > o.order || o.before(p) && o.order > p.order) {
			c.blame(&c.disordered, "user %d: out of order: %s and %s", c.model.user, o.what, p.what)
		}
	}
	c.placed = append(c.placed, p)
}

// fact looks for the event of a fact, and returns its place.
func (c *comparison) fact(f fact) (order int) {
	id := f.id()
	got := c.events[id]
	delete(c.rest, id)
	if got == nil || got.order == 0 {
		c.blame(&c.lost, "user %d: lost: %s of %s at %s", c.model.user, f.event.Type, f.event.Webinar, clockTime(f.event.At))
		return 0
	}
	c.again += got.times - 1
	if len(got.bodies) > 1 || !f.event.At.IsZero() && !bytes.Equal(got.bodies[0], body(f.event)) {
		c.blame(&c.altered, "user %d: the sink got %s and not %s", c.model.user, got.bodies, body(f.event))
	}
	return got.order
}

// earliest is when a fact may have come to be. A world blames one of the attempts
// at it; another may have been first that nobody answered, or that was under way
// beside it.
func (m *model) earliest(f fact) time.Time {
	from := f.from
	for _, a := range m.log {
		if a.sent.Before(from) && (a.lost() || !a.over.Before(f.from)) && a.mayCause(f) {
			from = a.sent
		}
	}
	return from
}

func (a *attempt) mayCause(f fact) bool {
	if a.webinar != f.event.Webinar && a.session != f.event.Session {
		return false
	}
	switch f.event.Type {
	case webinar.EventRegistered:
		return a.deed == register
	case webinar.EventEntered:
		return a.deed == enter
	case webinar.EventLeft:
		return a.deed == exit
	}
	return a.report != nil
}

// sides looks for the events of evaluations and forms.
func (c *comparison) sides() {
	for _, s := range c.model.sides {
		if s.id != uuid.Nil {
			c.side(s, s.eventID(c.viewer))
		}
	}
	for _, s := range c.model.sides { // what is left may be of these, the first of the first
		if s.id != uuid.Nil {
			continue
		}
		id := ""
		for candidate, got := range c.rest {
			if s.allows(c.viewer, got.bodies, c.model.clock) && (id == "" || got.order < c.rest[id].order) {
				id = candidate
			}
		}
		c.side(s, id)
	}
}

// side looks for the event of an evaluation or a form.
func (c *comparison) side(s *side, id string) {
	got := c.rest[id]
	delete(c.rest, id)
	switch {
	case got == nil || got.order == 0:
		if !s.acked.IsZero() {
			c.blame(&c.lost, "user %d: lost: %s of %s%s, acknowledged at %s", s.user, s.deed, s.webinar, s.wish.session, clockTime(s.acked))
		}
		return
	case !s.allows(c.viewer, got.bodies, c.model.clock):
		c.blame(&c.altered, "user %d: %s of %s%s cannot be %s", s.user, s.deed, s.webinar, s.wish.session, got.bodies)
	}
	c.again += max(got.times-s.tries, 0)
	if s.deed == form {
		return // outside the order
	}
	c.attendance(s, got)
	c.place(placed{what: "evaluation " + s.id.String(), from: s.sent, to: s.acked, order: got.order})
}

// attendance compares what the sink was told with the answer, and with what the
// session was when the evaluation came to be: completion has its place among the
// events. A repeat under the same id says what is so by then.
func (c *comparison) attendance(s *side, got *received) {
	session := s.session(c.viewer)
	if session == nil {
		return // blamed already
	}
	first, last := attended(got.bodies[0]), attended(got.bodies[len(got.bodies)-1])
	completed := c.events[webinar.EventID(webinar.EventCompleted, s.user, string(session.ID)).String()]
	was := session.Completed
	if completed != nil && completed.order > 0 {
		was = completed.order < got.order
	}
	answered := s.acked.IsZero() || first == s.attended
	if s.attended && (s.tries > 1 || !c.model.calm) {
		answered = last // it may have been made before it was made for the answer
	}
	if first != was || !answered || len(got.bodies) > 2 || len(got.bodies) == 2 && (first || !last) {
		c.blame(&c.altered, "user %d: attended: the answer said %t, the session %t, the sink got %s", s.user, s.attended, was, got.bodies)
	}
}
