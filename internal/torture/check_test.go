package torture

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// maxRunSteps limits the search for all viewers of a run. If it is reached, the
// remaining viewers are undecided.
const maxRunSteps = 50 * maxSteps

// check compares the rows and events after a run with the models of the viewers.
// checksum is that of the tables before the run.
func (r *rig) check(group *viewerGroup, checksum string) *result {
	res := &result{requests: r.requests.Load(), acknowledged: r.acknowledged.Load(), unacknowledged: r.unanswered.Load(), faults: r.faults.Load()}
	all := r.observe()
	steps := maxRunSteps
	for _, v := range group.viewers {
		obs := all[v.login.ID]
		delete(all, v.login.ID)
		if obs == nil {
			obs = &observed{}
		}
		if v.model.sentCount > 0 {
			res.viewers++
		}
		viewer, used := v.model.check(*obs, steps)
		res.add(viewer)
		steps -= used
	}
	for user := range all {
		res.addFailure(&res.unexplained, "rows or events of user %d, which does not exist", user)
	}
	if after := r.base.Checksum(r); !r.otherWriters.Load() && after != checksum {
		res.addFailure(&res.foreign, "rows of other prefixes, or other tables, have changed")
	}
	recv := r.receiver
	recv.mu.Lock()
	defer recv.mu.Unlock()
	res.deliveries, res.events, res.redelivered = recv.deliveries, len(recv.byID), recv.deliveries-len(recv.byID)
	for _, sum := range []struct {
		to   *int
		from int
		what string
	}{{&res.forged, recv.forged, "invalid signatures"}, {&res.overlapped, recv.overlaps, "overlapping deliveries"}} {
		if *sum.to += sum.from; sum.from > 0 {
			res.failures = append(res.failures, strconv.Itoa(sum.from)+" "+sum.what)
		}
	}
	return res
}

// check compares the rows and events of the viewer after a run with all possible
// states, which it searches in at most limit steps. It returns the failures of the
// state that has the fewest, and the number of steps.
func (m *model) check(obs observed, limit int) (res *result, steps int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	res = &result{}
	m.addResponseFailures(res)
	rows := obs.sessionRows(res)
	s := newSearch(m, obs, limit)
	switch err := s.run(); {
	case errors.Is(err, errUndecided):
		res.addFailure(&res.undecided, "user %d: %v", m.user, err)
		m.checkAcknowledged(res, obs)
		return res, s.steps
	case err != nil:
		res.addFailure(&res.wrongResponses, "user %d: %v", m.user, err)
		return res, s.steps
	}
	var best *result
	for _, st := range s.states {
		if !maps.Equal(expected(st.viewer), rows) {
			continue
		}
		if compared := m.compare(s, st, obs); best == nil || len(compared.failures) < len(best.failures) {
			best = compared
		}
	}
	if best == nil {
		st := s.states[0]
		res.addFailure(&res.wrongRows, "user %d: no possible state has these rows:\n\tthere: %v\n\tthe first of %d states: %v\n\tunanswered: %s",
			m.user, rows, len(s.states), expected(st.viewer), m.describeUnanswered())
		best = m.compare(s, st, obs)
	}
	res.add(best)
	return res, s.steps
}

// addResponseFailures adds the failures that the model found when responses arrived.
func (m *model) addResponseFailures(res *result) {
	for _, failure := range m.failures {
		res.addFailure(&res.wrongResponses, "%s", failure)
	}
}

func (m *model) describeUnanswered() (text string) {
	for _, a := range m.attempts {
		if a.unanswered() {
			text += fmt.Sprintf("\n\t\t%s %s sent %s, ended %s", a.route, a.body(0), a.sent.UTC().Format(time.StampMilli), a.ended.UTC().Format(time.StampMilli))
		}
	}
	return text
}

// expected returns the rows of a viewer, as the contract defines them.
func expected(v webinar.Viewer) map[string]string {
	rows := map[string]string{}
	add := func(key, value string) {
		if value != "" && value != "0" && value != "-" {
			rows["autowebinar_"+key] = value
		}
	}
	session := func(s *webinar.Session, suffix string) {
		add("session_id"+suffix, string(s.ID))
		add("webinar_id"+suffix, string(s.Webinar))
		add("started_at"+suffix, clockTime(s.StartedAt))
		add("last_position_sec"+suffix, strconv.FormatInt(s.LastPosition, 10))
		add("furthest_sec"+suffix, strconv.FormatInt(s.Furthest, 10))
		add("progress_percent"+suffix, strconv.Itoa(s.Percent))
		add("cta_clicked_at"+suffix, clockTime(s.CTAClickedAt))
		add("last_seen_at"+suffix, clockTime(s.LastSeenAt))
		add("left_at"+suffix, clockTime(s.LeftAt))
		if s.Completed {
			add("completed"+suffix, "1")
		}
	}
	if v.Current != nil {
		session(v.Current, "")
	}
	for id, s := range v.Parked {
		session(s, "@"+string(id))
	}
	for id, at := range v.Registered {
		add("registered@"+string(id), clockTime(at))
	}
	return rows
}

// compare compares the events of a state with those of the receiver.
func (m *model) compare(s *search, st *state, obs observed) *result {
	events := slices.Concat(s.commonEvents, st.events)
	c := newComparison(m, st.viewer, obs)
	latest := 0
	for _, expected := range events {
		order := c.match(expected)
		if order > 0 && order < latest {
			c.addFailure(&c.outOfOrder, "user %d: out of order: %s of %s, in one of %d states:%s", m.user, expected.event.Type, expected.event.Webinar, len(s.states), describeEvents(events, obs))
		}
		latest = max(latest, order)
		c.ordered = append(c.ordered, orderedEvent{name: string(expected.event.Type), earliest: m.earliest(expected), latest: expected.latest, order: order})
	}
	c.matchUntracked()
	for id, got := range c.unmatched {
		isSimilar := func(expected expectedEvent) bool {
			return bytes.HasPrefix(got.bodies[0], []byte(`{"type":"`+expected.event.Type)) && bytes.Contains(got.bodies[0], []byte(expected.event.Webinar))
		}
		if slices.ContainsFunc(events, isSimilar) && !bytes.Contains(got.bodies[0], []byte("attendance")) {
			c.addFailure(&c.duplicated, "user %d: %s is a second id of one event: %s", m.user, id, got.bodies)
		} else {
			c.addFailure(&c.unexplained, "user %d: no request leads to %s: %s", m.user, id, got.bodies)
		}
	}
	return &c.result
}

// describeEvents lists events with their order at the receiver.
func describeEvents(events []expectedEvent, obs observed) string {
	text := ""
	for _, expected := range events {
		order := 0
		if got := obs.events[expected.id()]; got != nil {
			order = got.order
		}
		text += fmt.Sprintf("\n\t%s of %s at %s sent %s: %d", expected.event.Type, expected.event.Webinar, clockTime(expected.event.At),
			expected.earliest.Format(time.StampMilli), order)
	}
	return text
}

// id returns the webhook id of the event.
func (e expectedEvent) id() string {
	switch {
	case e.event.Type == webinar.EventRegistered:
		return e.event.ID.String()
	case e.idSuffix != "":
		return webinar.EventID(e.event.Type, e.event.User, string(e.event.Session), e.idSuffix).String()
	}
	return webinar.EventID(e.event.Type, e.event.User, string(e.event.Session)).String()
}

// body returns the webhook body of an event.
func body(e webinar.Event) []byte {
	text, err := webhook.Body(e, fmt.Sprintf("lead-%d", e.User))
	if err != nil {
		panic(err)
	}
	return text
}
