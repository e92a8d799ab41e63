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
func (m *model) compareCertain(v *verdict, e evidence) {
	c := newComparison(m, e.viewer(m.user), e)
	for _, f := range m.certain() {
		c.place(placed{what: string(f.event.Type), from: f.from, to: f.to, order: c.fact(f)})
	}
	c.sides()
	for id, got := range c.rest {
		if len(got.bodies) > 1 && !bytes.Contains(got.bodies[0], []byte(webinar.EventAttendanceClassified)) {
			c.blame(&c.altered, "user %d: different bodies of %s: %s", m.user, id, got.bodies)
		}
	}
	v.add(&c.verdict)
}

// certain are the facts that answers told of. Of some it is not known when they
// came to be: their time is zero.
func (m *model) certain() (facts []fact) {
	know := func(f fact) {
		f.event.User, f.event.WebinarType = m.user, webinar.Auto
		i := slices.IndexFunc(facts, func(o fact) bool { return o.id() == f.id() })
		if i < 0 {
			facts = append(facts, f)
			return
		}
		if f.to.Before(facts[i].to) {
			facts[i].to = f.to
		}
		if facts[i].from.IsZero() {
			facts[i].from = f.from
		}
	}
	for _, a := range m.log {
		if a.lost() || a.got.status >= http.StatusMultipleChoices {
			continue
		}
		r, f := a.got, fact{to: a.over}
		if r.status == http.StatusCreated {
			f.from = a.sent
		}
		if a.deed == register {
			f.event = webinar.Event{Type: webinar.EventRegistered, At: timeOf(r.RegisteredAt), Webinar: a.webinar, Source: source}
			f.event.ID = webinar.EventID(f.event.Type, m.user, string(a.webinar), strconv.FormatInt(f.event.At.Unix(), 10))
			know(f)
			continue
		}
		f.event = webinar.Event{Type: webinar.EventEntered, At: timeOf(r.StartedAt), Webinar: r.WebinarID, Session: r.SessionID}
		know(f)
		f.event.At = time.Time{}
		if a.deed == exit {
			f.event.Type = webinar.EventLeft
			know(f)
		}
		if r.Completed {
			f.event.Type = webinar.EventCompleted
			know(f)
			f.event.Type, f.extra = webinar.EventAttendanceClassified, "completed"
			know(f)
		}
	}
	return facts
}
