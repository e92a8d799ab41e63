package torture

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"time"

	"autowebinar/internal/webinar"
)

// checkAcknowledged checks only the events that acknowledged requests imply. The
// receiver may have others.
func (m *model) checkAcknowledged(res *result, obs observed) {
	c := newComparison(m, obs.viewer(m.user), obs)
	for _, e := range m.acknowledged() {
		c.checkOrder(orderedEvent{name: string(e.event.Type), earliest: e.earliest, latest: e.latest, order: c.match(e)})
	}
	c.matchUntracked()
	for id, got := range c.unmatched {
		if len(got.bodies) > 1 && !bytes.Contains(got.bodies[0], []byte(webinar.EventAttendanceClassified)) {
			c.addFailure(&c.altered, "user %d: different bodies of %s: %s", m.user, id, got.bodies)
		}
	}
	res.add(&c.result)
}

// acknowledged returns the events that the responses imply. The time of an event is
// zero if no response contains it.
func (m *model) acknowledged() (events []expectedEvent) {
	add := func(e expectedEvent) {
		e.event.User, e.event.WebinarType = m.user, webinar.Auto
		i := slices.IndexFunc(events, func(o expectedEvent) bool { return o.id() == e.id() })
		if i < 0 {
			events = append(events, e)
			return
		}
		if e.latest.Before(events[i].latest) {
			events[i].latest = e.latest
		}
		if events[i].earliest.IsZero() {
			events[i].earliest = e.earliest
		}
	}
	for _, a := range m.attempts {
		if a.unanswered() || a.response.status >= http.StatusMultipleChoices {
			continue
		}
		r, e := a.response, expectedEvent{latest: a.ended}
		if r.status == http.StatusCreated {
			e.earliest = a.sent
		}
		if a.route == register {
			e.event = webinar.Event{Type: webinar.EventRegistered, At: timeOf(r.RegisteredAt), Webinar: a.webinar, Source: source}
			e.event.ID = webinar.EventID(e.event.Type, m.user, string(a.webinar), strconv.FormatInt(e.event.At.Unix(), 10))
			add(e)
			continue
		}
		e.event = webinar.Event{Type: webinar.EventEntered, At: timeOf(r.StartedAt), Webinar: r.WebinarID, Session: r.SessionID}
		add(e)
		e.event.At = time.Time{}
		if a.route == exit {
			e.event.Type = webinar.EventLeft
			add(e)
		}
		if r.Completed {
			e.event.Type = webinar.EventCompleted
			add(e)
			e.event.Type, e.idSuffix = webinar.EventAttendanceClassified, "completed"
			add(e)
		}
	}
	return events
}
