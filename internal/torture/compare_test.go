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
	result

	model     *model
	viewer    webinar.Viewer
	events    map[string]*receivedEvent
	unmatched map[string]*receivedEvent // not asked for yet
	ordered   []orderedEvent
}

func newComparison(m *model, v webinar.Viewer, e observed) *comparison {
	return &comparison{model: m, viewer: v, events: e.events, unmatched: maps.Clone(e.events)}
}

// placed is something that came to be between two times of ours, zero where
// nobody knows, and has a place at the sink.
type orderedEvent struct {
	name             string
	earliest, latest time.Time
	order            int // 0: none
}

func (p orderedEvent) before(o orderedEvent) bool {
	return !p.latest.IsZero() && p.latest.Before(o.earliest)
}

// place tells of whatever came to the sink in another order than to be.
func (c *comparison) checkOrder(p orderedEvent) {
	for _, o := range c.ordered {
		if p.order > 0 && o.order > 0 && (p.before(o) && p.order > o.order || o.before(p) && o.order > p.order) {
			c.addFailure(&c.outOfOrder, "user %d: out of order: %s and %s", c.model.user, o.name, p.name)
		}
	}
	c.ordered = append(c.ordered, p)
}

// fact looks for the event of a fact, and returns its place.
func (c *comparison) match(f expectedEvent) (order int) {
	id := f.id()
	got := c.events[id]
	delete(c.unmatched, id)
	if got == nil || got.order == 0 {
		c.addFailure(&c.lost, "user %d: lost: %s of %s at %s", c.model.user, f.event.Type, f.event.Webinar, clockTime(f.event.At))
		return 0
	}
	c.unexpectedRedeliveries += got.deliveries - 1
	if len(got.bodies) > 1 || !f.event.At.IsZero() && !bytes.Equal(got.bodies[0], body(f.event)) {
		c.addFailure(&c.altered, "user %d: the sink got %s and not %s", c.model.user, got.bodies, body(f.event))
	}
	return got.order
}

// earliest is when a fact may have come to be. A world blames one of the attempts
// at it; another may have been first that nobody answered, or that was under way
// beside it.
func (m *model) earliest(f expectedEvent) time.Time {
	from := f.earliest
	for _, a := range m.attempts {
		if a.sent.Before(from) && (a.unanswered() || !a.ended.Before(f.earliest)) && a.mayCause(f) {
			from = a.sent
		}
	}
	return from
}

func (a *attempt) mayCause(f expectedEvent) bool {
	if a.webinar != f.event.Webinar && a.session != f.event.Session {
		return false
	}
	switch f.event.Type {
	case webinar.EventRegistered:
		return a.route == register
	case webinar.EventEntered:
		return a.route == enter
	case webinar.EventLeft:
		return a.route == exit
	}
	return a.report != nil
}

// sides looks for the events of evaluations and forms.
func (c *comparison) matchUntracked() {
	for _, s := range c.model.untracked {
		if s.id != uuid.Nil {
			c.matchUntrackedRequest(s, s.eventID(c.viewer))
		}
	}
	for _, s := range c.model.untracked { // what is left may be of these, the first of the first
		if s.id != uuid.Nil {
			continue
		}
		id := ""
		for candidate, got := range c.unmatched {
			if s.allows(c.viewer, got.bodies, c.model.clock) && (id == "" || got.order < c.unmatched[id].order) {
				id = candidate
			}
		}
		c.matchUntrackedRequest(s, id)
	}
}

// side looks for the event of an evaluation or a form.
func (c *comparison) matchUntrackedRequest(s *untrackedRequest, id string) {
	got := c.unmatched[id]
	delete(c.unmatched, id)
	switch {
	case got == nil || got.order == 0:
		if !s.acked.IsZero() {
			c.addFailure(&c.lost, "user %d: lost: %s of %s%s, acknowledged at %s", s.user, s.route, s.webinar, s.request.session, clockTime(s.acked))
		}
		return
	case !s.allows(c.viewer, got.bodies, c.model.clock):
		c.addFailure(&c.altered, "user %d: %s of %s%s cannot be %s", s.user, s.route, s.webinar, s.request.session, got.bodies)
	}
	c.unexpectedRedeliveries += max(got.deliveries-s.attempts, 0)
	if s.route == form {
		return // outside the order
	}
	c.checkAttendance(s, got)
	c.checkOrder(orderedEvent{name: "evaluation " + s.id.String(), earliest: s.sent, latest: s.acked, order: got.order})
}

// attendance compares what the sink was told with the answer, and with what the
// session was when the evaluation came to be: completion has its place among the
// events. A repeat under the same id says what is so by then.
func (c *comparison) checkAttendance(s *untrackedRequest, got *receivedEvent) {
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
	if s.attended && (s.attempts > 1 || !c.model.appliedOnce) {
		answered = last // it may have been made before it was made for the answer
	}
	if first != was || !answered || len(got.bodies) > 2 || len(got.bodies) == 2 && (first || !last) {
		c.addFailure(&c.altered, "user %d: attended: the answer said %t, the session %t, the sink got %s", s.user, s.attended, was, got.bodies)
	}
}
