package torture

import (
	"bytes"
	"maps"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// comparison compares the events that the receiver must have of one viewer with
// those that it has.
type comparison struct {
	result

	model     *model
	viewer    webinar.Viewer
	events    map[string]*receivedEvent
	unmatched map[string]*receivedEvent // not compared yet
	ordered   []orderedEvent
}

func newComparison(m *model, v webinar.Viewer, e observed) *comparison {
	return &comparison{model: m, viewer: v, events: e.events, unmatched: maps.Clone(e.events)}
}

// orderedEvent is an event that was created between two times of ours, which are
// zero if they are not known.
type orderedEvent struct {
	name             string
	earliest, latest time.Time
	order            int // at the receiver; 0 if it was not accepted
}

// before reports whether p was created before o for certain.
func (p orderedEvent) before(o orderedEvent) bool {
	return !p.latest.IsZero() && p.latest.Before(o.earliest)
}

// checkOrder adds an event, and a failure if the receiver has accepted it in another
// order than it was created.
func (c *comparison) checkOrder(p orderedEvent) {
	for _, o := range c.ordered {
		if p.order > 0 && o.order > 0 && (p.before(o) && p.order > o.order || o.before(p) && o.order > p.order) {
			c.addFailure(&c.outOfOrder, "user %d: out of order: %s and %s", c.model.user, o.name, p.name)
		}
	}
	c.ordered = append(c.ordered, p)
}

// match finds an event at the receiver, and returns its order there.
func (c *comparison) match(e expectedEvent) (order int) {
	id := e.id()
	got := c.events[id]
	delete(c.unmatched, id)
	if got == nil || got.order == 0 {
		c.addFailure(&c.lost, "user %d: lost: %s of %s at %s", c.model.user, e.event.Type, e.event.Webinar, clockTime(e.event.At))
		return 0
	}
	c.unexpectedRedeliveries += got.deliveries - 1
	if len(got.bodies) > 1 || !e.event.At.IsZero() && !bytes.Equal(got.bodies[0], body(e.event)) {
		c.addFailure(&c.altered, "user %d: the receiver got %s instead of %s", c.model.user, got.bodies, body(e.event))
	}
	return got.order
}

// earliest returns when an event may have been created. A state attributes it to
// one attempt, but another may have been first: one that is unanswered, or that was
// in flight at the same time.
func (m *model) earliest(e expectedEvent) time.Time {
	from := e.earliest
	for _, a := range m.attempts {
		if a.sent.Before(from) && (a.unanswered() || !a.ended.Before(e.earliest)) && a.mayCause(e) {
			from = a.sent
		}
	}
	return from
}

func (a *attempt) mayCause(e expectedEvent) bool {
	if a.webinar != e.event.Webinar && a.session != e.event.Session {
		return false
	}
	switch e.event.Type {
	case webinar.EventRegistered:
		return a.route == register
	case webinar.EventEntered:
		return a.route == enter
	case webinar.EventLeft:
		return a.route == exit
	}
	return a.report != nil
}

// matchUntracked finds the events of evaluations and forms.
func (c *comparison) matchUntracked() {
	for _, s := range c.model.untracked {
		if s.id != uuid.Nil {
			c.matchUntrackedRequest(s, s.eventID(c.viewer))
		}
	}
	for _, s := range c.model.untracked { // without a known id: match the earliest event that fits
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

// matchUntrackedRequest compares the event with this id, if the receiver has it,
// with the request.
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
		return // forms are delivered outside the order
	}
	c.checkAttendance(s, got)
	c.checkOrder(orderedEvent{name: "evaluation " + s.id.String(), earliest: s.sent, latest: s.acked, order: got.order})
}

// checkAttendance compares an evaluation's event with the response, and with the
// session at that time, which follows from the order of its completion. A repeat
// under the same id tells the attendance at its own time.
func (c *comparison) checkAttendance(s *untrackedRequest, got *receivedEvent) {
	session := s.session(c.viewer)
	if session == nil {
		return // is a failure already
	}
	first, last := attended(got.bodies[0]), attended(got.bodies[len(got.bodies)-1])
	completed := c.events[webinar.EventID(webinar.EventCompleted, s.user, string(session.ID)).String()]
	expected := session.Completed
	if completed != nil && completed.order > 0 {
		expected = completed.order < got.order
	}
	matches := s.acked.IsZero() || first == s.attended
	if s.attended && (s.attempts > 1 || !c.model.appliedOnce) {
		matches = last // an earlier, unanswered attempt may have created the first event
	}
	if first != expected || !matches || len(got.bodies) > 2 || len(got.bodies) == 2 && (first || !last) {
		c.addFailure(&c.altered, "user %d: attendance: %t in the response, %t in the session, the receiver got %s", s.user, s.attended, expected, got.bodies)
	}
}
