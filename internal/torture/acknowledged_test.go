package torture

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"time"

	"autowebinar/internal/webinar"
)

// compareCertain compares what needs no explanation: what is there of whatever
// was acknowledged. The rest may be there or not.
func (m *model) checkAcknowledged(v *result, e observed) {
	c := newComparison(m, e.viewer(m.user), e)
	for _, f := range m.acknowledged() {
		c.checkOrder(orderedEvent{name: string(f.event.Type), earliest: f.earliest, latest: f.latest, order: c.match(f)})
	}
	c.matchUntracked()
	for id, got := range c.unmatched {
		if len(got.bodies) > 1 && !bytes.Contains(got.bodies[0], []byte(webinar.EventAttendanceClassified)) {
			c.addFailure(&c.altered, "user %d: different bodies of %s: %s", m.user, id, got.bodies)
		}
	}
	v.add(&c.result)
}

// certain are the facts that answers told of. Of some it is not known when they
// came to be: their time is zero.
func (m *model) acknowledged() (facts []expectedEvent) {
	know := func(f expectedEvent) {
		f.event.User, f.event.WebinarType = m.user, webinar.Auto
		i := slices.IndexFunc(facts, func(o expectedEvent) bool { return o.id() == f.id() })
		if i < 0 {
			facts = append(facts, f)
			return
		}
		if f.latest.Before(facts[i].latest) {
			facts[i].latest = f.latest
		}
		if facts[i].earliest.IsZero() {
			facts[i].earliest = f.earliest
		}
	}
	for _, a := range m.attempts {
		if a.unanswered() || a.response.status >= http.StatusMultipleChoices {
			continue
		}
		r, f := a.response, expectedEvent{latest: a.ended}
		if r.status == http.StatusCreated {
			f.earliest = a.sent
		}
		if a.route == register {
			f.event = webinar.Event{Type: webinar.EventRegistered, At: timeOf(r.RegisteredAt), Webinar: a.webinar, Source: source}
			f.event.ID = webinar.EventID(f.event.Type, m.user, string(a.webinar), strconv.FormatInt(f.event.At.Unix(), 10))
			know(f)
			continue
		}
		f.event = webinar.Event{Type: webinar.EventEntered, At: timeOf(r.StartedAt), Webinar: r.WebinarID, Session: r.SessionID}
		know(f)
		f.event.At = time.Time{}
		if a.route == exit {
			f.event.Type = webinar.EventLeft
			know(f)
		}
		if r.Completed {
			f.event.Type = webinar.EventCompleted
			know(f)
			f.event.Type, f.idSuffix = webinar.EventAttendanceClassified, "completed"
			know(f)
		}
	}
	return facts
}
