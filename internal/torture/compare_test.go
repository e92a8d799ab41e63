package torture

import (
	"bytes"
	"maps"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// comparison compares the expected events of one viewer with those that the receiver
// has.
type comparison struct {
	result

	model     *model
	viewer    webinar.Viewer
	events    map[string]*receivedEvent
	unmatched map[string]*receivedEvent // not compared yet
	ordered   []orderedEvent
}

func newComparison(m *model, v webinar.Viewer, obs observed) *comparison {
	return &comparison{model: m, viewer: v, events: obs.events, unmatched: maps.Clone(obs.events)}
}

// orderedEvent is an event that was created between two times of the tests' clock,
// which are zero if they are not known.
type orderedEvent struct {
	name             string
	earliest, latest time.Time
	order            int // at the receiver; 0 if it was not accepted
}

// before reports whether p was created before o for certain.
func (e orderedEvent) before(o orderedEvent) bool {
	return !e.latest.IsZero() && e.latest.Before(o.earliest)
}

// checkOrder adds an event, and a failure for each event that the receiver accepted
// before it although it was created later, or the reverse.
func (c *comparison) checkOrder(e orderedEvent) {
	for _, o := range c.ordered {
		if e.order > 0 && o.order > 0 && (e.before(o) && e.order > o.order || o.before(e) && o.order > e.order) {
			c.addFailure(&c.outOfOrder, "user %d: out of order: %s and %s", c.model.user, o.name, e.name)
		}
	}
	c.ordered = append(c.ordered, e)
}

// match compares an expected event with the receiver's, and returns its position in the
// receiver's order, or 0 if the event is lost.
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

// earliest returns the earliest time at which an event may have been created. A state
// attributes the event to one attempt, but an earlier one may have caused it: one that
// is unanswered, or that was in flight at the same time.
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
	for _, u := range c.model.untracked {
		if u.id != uuid.Nil {
			c.matchUntrackedRequest(u, u.eventID(c.viewer))
		}
	}
	for _, u := range c.model.untracked { // without a known id: match the earliest event that fits
		if u.id != uuid.Nil {
			continue
		}
		id := ""
		for candidate, got := range c.unmatched {
			if u.allows(c.viewer, got.bodies, c.model.clock) && (id == "" || got.order < c.unmatched[id].order) {
				id = candidate
			}
		}
		c.matchUntrackedRequest(u, id)
	}
}

// matchUntrackedRequest compares the receiver's event with this id, if any, with the
// request.
func (c *comparison) matchUntrackedRequest(u *untrackedRequest, id string) {
	got := c.unmatched[id]
	delete(c.unmatched, id)
	switch {
	case got == nil || got.order == 0:
		if !u.acked.IsZero() {
			c.addFailure(&c.lost, "user %d: lost: %s of %s%s, acknowledged at %s", u.user, u.route, u.webinar, u.request.session, clockTime(u.acked))
		}
		return
	case !u.allows(c.viewer, got.bodies, c.model.clock):
		c.addFailure(&c.altered, "user %d: %s of %s%s cannot be %s", u.user, u.route, u.webinar, u.request.session, got.bodies)
	}
	c.unexpectedRedeliveries += max(got.deliveries-u.attempts, 0)
	if u.route == form {
		return // forms are delivered in no defined order
	}
	c.checkAttendance(u, got)
	c.checkOrder(orderedEvent{name: "evaluation " + u.id.String(), earliest: u.sent, latest: u.acked, order: got.order})
}

// checkAttendance compares an evaluation's event with the response, and with the
// session: the viewer attended if the completed event came first. Repeating an
// evaluation under the same id may add a second body with the later attendance.
func (c *comparison) checkAttendance(u *untrackedRequest, got *receivedEvent) {
	session := u.session(c.viewer)
	if session == nil {
		return // matchUntracked has added a failure
	}
	first, last := attended(got.bodies[0]), attended(got.bodies[len(got.bodies)-1])
	completed := c.events[webinar.EventID(webinar.EventCompleted, u.user, string(session.ID)).String()]
	expected := session.Completed
	if completed != nil && completed.order > 0 {
		expected = completed.order < got.order
	}
	matches := u.acked.IsZero() || first == u.attended
	if u.attended && (u.attempts > 1 || !c.model.appliedOnce) {
		matches = last // an earlier, unanswered attempt may have created the first event
	}
	if first != expected || !matches || len(got.bodies) > 2 || len(got.bodies) == 2 && (first || !last) {
		c.addFailure(&c.altered, "user %d: attendance: %t in the response, %t in the session, the receiver got %s", u.user, u.attended, expected, got.bodies)
	}
}
