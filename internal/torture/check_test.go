package torture

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// evidence is what is there of one viewer in the end.
type observed struct {
	rows   map[string][]string // by key, in the order of umeta_id
	events map[string]*receivedEvent
}

// conclude compares what is there with all that may be, and reports by the
// explanation that fits best.
func (m *model) check(e observed) *result {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := &result{}
	m.addResponseFailures(v)
	own := e.sessionRows(v)
	s := newSearch(m, e)
	switch err := s.run(); {
	case errors.Is(err, errUndecided):
		v.addFailure(&v.undecided, "user %d: %v", m.user, err)
		m.checkAcknowledged(v, e)
		return v
	case err != nil:
		v.addFailure(&v.wrongResponses, "user %d: %v", m.user, err)
		return v
	}
	var best *result
	for _, w := range s.states {
		if !maps.Equal(expected(w.viewer), own) {
			continue
		}
		if tried := m.compare(s, w, e); best == nil || len(tried.failures) < len(best.failures) {
			best = tried
		}
	}
	if best == nil {
		w := s.states[0]
		v.addFailure(&v.wrongRows, "user %d: rows that nothing explains:\n\tthere: %v\n\tof %d explanations the first: %v\n\tlost: %s",
			m.user, own, len(s.states), expected(w.viewer), s.describeUnanswered())
		best = m.compare(s, w, e)
	}
	v.add(best)
	return v
}

// blameReplies tells of answers that are wrong whatever has happened.
func (m *model) addResponseFailures(v *result) {
	for _, wrong := range m.failures {
		v.addFailure(&v.wrongResponses, "%s", wrong)
	}
}

// lost are the attempts that may explain more.
func (s *search) describeUnanswered() (text string) {
	for _, a := range s.attempts {
		if a.unanswered() {
			text += fmt.Sprintf("\n\t\t%s %s sent %s, over %s", a.route, a.body(0), a.sent.UTC().Format(time.StampMilli), a.ended.UTC().Format(time.StampMilli))
		}
	}
	return text
}

// own are the rows of sessions and registrations, one a key.
func (e observed) sessionRows(v *result) map[string]string {
	own := map[string]string{}
	for key, values := range e.rows {
		switch {
		case key == "autowebinar_outbox" || key == "autowebinar_outbox_wait":
			v.addFailure(&v.left, "left in the queue: %v", values)
			continue
		case key == "autowebinar_outbox_dead":
			v.addFailure(&v.dead, "dead: %v", values)
			continue
		case len(values) > 1:
			v.addFailure(&v.wrongRows, "duplicate rows of %s: %v", key, values)
		}
		if values[0] != "0" { // a number that was more than 0 once
			own[key] = values[0]
		}
	}
	return own
}

// expected are the rows of a viewer, as the contract has them.
func expected(v webinar.Viewer) map[string]string {
	rows := map[string]string{}
	put := func(key, value string) {
		if value != "" && value != "0" && value != "-" {
			rows["autowebinar_"+key] = value
		}
	}
	session := func(s *webinar.Session, suffix string) {
		put("session_id"+suffix, string(s.ID))
		put("webinar_id"+suffix, string(s.Webinar))
		put("started_at"+suffix, clockTime(s.StartedAt))
		put("last_position_sec"+suffix, strconv.FormatInt(s.LastPosition, 10))
		put("furthest_sec"+suffix, strconv.FormatInt(s.Furthest, 10))
		put("progress_percent"+suffix, strconv.Itoa(s.Percent))
		put("cta_clicked_at"+suffix, clockTime(s.CTAClickedAt))
		put("last_seen_at"+suffix, clockTime(s.LastSeenAt))
		put("left_at"+suffix, clockTime(s.LeftAt))
		if s.Completed {
			put("completed"+suffix, "1")
		}
	}
	if v.Current != nil {
		session(v.Current, "")
	}
	for id, s := range v.Parked {
		session(s, "@"+string(id))
	}
	for id, at := range v.Registered {
		put("registered@"+string(id), clockTime(at))
	}
	return rows
}

// compare holds the events of a world against those at the sink.
func (m *model) compare(s *search, w *state, e observed) *result {
	facts := slices.Concat(s.commonEvents, w.facts)
	c := newComparison(m, w.viewer, e)
	latest := 0
	for _, f := range facts {
		order := c.match(f)
		if order > 0 && order < latest {
			c.addFailure(&c.outOfOrder, "user %d: out of order: %s of %s, one of %d explanations:%s", m.user, f.event.Type, f.event.Webinar, len(s.states), describeEvents(facts, e))
		}
		latest = max(latest, order)
		c.ordered = append(c.ordered, orderedEvent{name: string(f.event.Type), earliest: m.earliest(f), latest: f.latest, order: order})
	}
	c.matchUntracked()
	for id, got := range c.unmatched {
		alike := func(f expectedEvent) bool {
			return bytes.HasPrefix(got.bodies[0], []byte(`{"type":"`+f.event.Type)) && bytes.Contains(got.bodies[0], []byte(f.event.Webinar))
		}
		if slices.ContainsFunc(facts, alike) && !bytes.Contains(got.bodies[0], []byte("attendance")) {
			c.addFailure(&c.duplicated, "user %d: a second id, %s, for one fact: %s", m.user, id, got.bodies)
		} else {
			c.addFailure(&c.unexplained, "user %d: nobody did anything for %s: %s", m.user, id, got.bodies)
		}
	}
	return &c.result
}

// viewer is as much of a viewer as must be known of evaluations and forms.
func (e observed) viewer(user webinar.UserID) webinar.Viewer {
	v := webinar.Viewer{User: user, Parked: map[webinar.ID]*webinar.Session{}}
	for key, values := range e.rows {
		suffix, found := strings.CutPrefix(key, "autowebinar_session_id")
		if !found {
			continue
		}
		row := func(name string) string {
			if values := e.rows["autowebinar_"+name+suffix]; len(values) > 0 {
				return values[0]
			}
			return ""
		}
		s := &webinar.Session{ID: webinar.SessionID(values[0]), Webinar: webinar.ID(row("webinar_id")), Completed: row("completed") == "1"}
		s.StartedAt, _ = time.Parse(time.DateTime, row("started_at"))
		v.Parked[s.Webinar] = s
	}
	return v
}

// story is the facts in their order, with their places at the sink.
func describeEvents(facts []expectedEvent, e observed) string {
	text := ""
	for _, f := range facts {
		order := 0
		if got := e.events[f.id()]; got != nil {
			order = got.order
		}
		text += fmt.Sprintf("\n\t%s of %s at %s sent %s: %d", f.event.Type, f.event.Webinar, clockTime(f.event.At), f.earliest.Format(time.StampMilli), order)
	}
	return text
}

// id is the webhook id of a fact.
func (f expectedEvent) id() string {
	e := f.event
	switch {
	case e.Type == webinar.EventRegistered:
		return e.ID.String()
	case f.idSuffix != "":
		return webinar.EventID(e.Type, e.User, string(e.Session), f.idSuffix).String()
	}
	return webinar.EventID(e.Type, e.User, string(e.Session)).String()
}

// body is what the sink must get.
func body(e webinar.Event) []byte {
	text, err := webhook.Body(e, fmt.Sprintf("lead-%d", e.User))
	if err != nil {
		panic(err)
	}
	return text
}

// evidence gathers what is there of all viewers.
func (r *rig) observe() map[uint64]*observed {
	all := map[uint64]*observed{}
	of := func(user uint64) *observed {
		if all[user] == nil {
			all[user] = &observed{rows: map[string][]string{}, events: map[string]*receivedEvent{}}
		}
		return all[user]
	}
	var rows []struct {
		User  uint64 `db:"user_id"`
		Key   string `db:"meta_key"`
		Value string `db:"meta_value"`
	}
	err := r.db.Select(&rows, `SELECT user_id, meta_key, COALESCE(meta_value, '') AS meta_value FROM wp_usermeta
		WHERE meta_key LIKE 'autowebinar\_%' ORDER BY umeta_id`)
	if err != nil {
		r.Fatalf("the rows cannot be read: %v", err)
	}
	for _, row := range rows {
		e := of(row.User)
		e.rows[row.Key] = append(e.rows[row.Key], row.Value)
	}
	r.receiver.mu.Lock()
	defer r.receiver.mu.Unlock()
	for id, got := range r.receiver.byID {
		of(got.user).events[id] = got
	}
	return all
}

// judge says what the run showed.
func (r *rig) check(c *crowd, before string) *result {
	v := &result{requests: r.requests.Load(), acknowledged: r.acknowledged.Load(), unacknowledged: r.unanswered.Load(), faults: r.faults.Load()}
	all := r.observe()
	for _, p := range c.viewers {
		e := all[p.login.ID]
		delete(all, p.login.ID)
		if e == nil {
			e = &observed{}
		}
		if p.model.sentCount > 0 {
			v.viewers++
		}
		v.add(p.model.check(*e))
	}
	for user := range all {
		v.addFailure(&v.unexplained, "rows or events of user %d, who does not exist", user)
	}
	if after := r.base.Checksum(r); !r.otherWriters.Load() && after != before {
		v.addFailure(&v.foreign, "rows of other prefixes, or other tables, have changed")
	}
	s := r.receiver
	s.mu.Lock()
	defer s.mu.Unlock()
	v.deliveries, v.events, v.redelivered = s.deliveries, len(s.byID), s.deliveries-len(s.byID)
	for _, sum := range []struct {
		to   *int
		from int
		what string
	}{{&v.forged, s.forged, "signatures are not right"}, {&v.overlapped, s.overlaps, "deliveries overlapped"}} {
		if *sum.to += sum.from; sum.from > 0 {
			v.failures = append(v.failures, strconv.Itoa(sum.from)+" "+sum.what)
		}
	}
	return v
}
