package torture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// evidence is what is there of one viewer in the end.
type evidence struct {
	rows   map[string][]string // by key, in the order of umeta_id
	events map[string]*received
}

// conclude compares what is there with all that may be, and reports by the
// explanation that fits best.
func (m *model) conclude(e evidence) *verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := &verdict{}
	for _, wrong := range m.wrong {
		v.blame(&v.wrongReply, "%s", wrong)
	}
	own := e.own(v)
	s := newSearch(m, e)
	switch err := s.run(); {
	case errors.Is(err, errVague):
		v.blame(&v.vague, "user %d: %v", m.user, err)
		return v
	case err != nil:
		v.blame(&v.wrongReply, "user %d: %v", m.user, err)
		return v
	}
	var best *verdict
	for _, w := range s.worlds {
		if !maps.Equal(expected(w.viewer), own) {
			continue
		}
		if tried := m.compare(s, w, e); best == nil || len(tried.why) < len(best.why) {
			best = tried
		}
	}
	if best == nil {
		w := s.worlds[0]
		v.blame(&v.wrongRows, "user %d: rows that nothing explains:\n\tthere: %v\n\tof %d explanations the first: %v\n\tlost: %s",
			m.user, own, len(s.worlds), expected(w.viewer), s.lost())
		best = m.compare(s, w, e)
	}
	v.add(best)
	return v
}

// lost are the attempts that may explain more.
func (s *search) lost() (text string) {
	for _, a := range s.attempts {
		if a.lost() {
			text += fmt.Sprintf("\n\t\t%s %s sent %s, over %s", a.deed, a.body(0), a.sent.UTC().Format(time.StampMilli), a.over.UTC().Format(time.StampMilli))
		}
	}
	return text
}

// own are the rows of sessions and registrations, one a key.
func (e evidence) own(v *verdict) map[string]string {
	own := map[string]string{}
	for key, values := range e.rows {
		switch {
		case key == "autowebinar_outbox" || key == "autowebinar_outbox_wait":
			v.blame(&v.left, "left in the queue: %v", values)
			continue
		case key == "autowebinar_outbox_dead":
			v.blame(&v.dead, "dead: %v", values)
			continue
		case len(values) > 1:
			v.blame(&v.wrongRows, "duplicate rows of %s: %v", key, values)
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
	for id, s := range v.Aside {
		session(s, "@"+string(id))
	}
	for id, at := range v.Registered {
		put("registered@"+string(id), clockTime(at))
	}
	return rows
}

// compare holds the events of a world against those at the sink.
func (m *model) compare(s *search, w *world, e evidence) *verdict {
	v, rest := &verdict{}, maps.Clone(e.events)
	facts := slices.Concat(s.settled, w.facts)
	latest := 0
	orders := make([]int, len(facts))
	for i, f := range facts {
		id := f.id()
		got := e.events[id]
		delete(rest, id)
		if got == nil || got.order == 0 {
			v.blame(&v.lost, "user %d: lost: %s of %s at %s", m.user, f.event.Type, f.event.Webinar, clockTime(f.event.At))
			continue
		}
		if len(got.bodies) > 1 || !bytes.Equal(got.bodies[0], body(f.event)) {
			v.blame(&v.altered, "user %d: the sink got %s and not %s", m.user, got.bodies, body(f.event))
		}
		if orders[i] = got.order; got.order < latest {
			v.blame(&v.disordered, "user %d: out of order: %s of %s, one of %d explanations:%s", m.user, f.event.Type, f.event.Webinar, len(s.worlds), story(facts, e))
		}
		latest = max(latest, got.order)
	}
	for _, side := range m.sides {
		if side.id != uuid.Nil {
			m.compareSide(v, w, side, rest, facts, orders)
		}
	}
	for _, side := range m.sides { // what is left may be of these
		if side.id == uuid.Nil {
			m.compareSide(v, w, side, rest, facts, orders)
		}
	}
	for id, got := range rest {
		alike := func(f fact) bool {
			return bytes.HasPrefix(got.bodies[0], []byte(`{"type":"`+f.event.Type)) && bytes.Contains(got.bodies[0], []byte(f.event.Webinar))
		}
		if slices.ContainsFunc(facts, alike) && !bytes.Contains(got.bodies[0], []byte("attendance")) {
			v.blame(&v.duplicated, "user %d: a second id, %s, for one fact: %s", m.user, id, got.bodies)
		} else {
			v.blame(&v.causeless, "user %d: nobody did anything for %s: %s", m.user, id, got.bodies)
		}
	}
	return v
}

// story is the facts in their order, with their places at the sink.
func story(facts []fact, e evidence) string {
	text := ""
	for _, f := range facts {
		order := 0
		if got := e.events[f.id()]; got != nil {
			order = got.order
		}
		text += fmt.Sprintf("\n\t%s of %s at %s sent %s: %d", f.event.Type, f.event.Webinar, clockTime(f.event.At), f.from.Format(time.StampMilli), order)
	}
	return text
}

// compareSide looks for the event of an evaluation or a form.
func (m *model) compareSide(v *verdict, w *world, s *side, rest map[string]*received, facts []fact, orders []int) {
	id := s.eventID(w.viewer)
	if s.id == uuid.Nil { // an evaluation whose id nobody was told
		for candidate, got := range rest {
			if s.allows(w.viewer, got.bodies, m.clock) {
				id = candidate
			}
		}
	}
	got := rest[id]
	delete(rest, id)
	switch {
	case got == nil || got.order == 0:
		if !s.acked.IsZero() {
			v.blame(&v.lost, "user %d: lost: %s of %s, acknowledged at %s", m.user, s.deed, s.webinar, clockTime(s.acked))
		}
		return
	case !s.allows(w.viewer, got.bodies, m.clock):
		v.blame(&v.altered, "user %d: %s of %s cannot be %s", m.user, s.deed, s.webinar, got.bodies)
	}
	if s.deed == form {
		return // outside the order
	}
	for i, f := range facts {
		before := !f.to.IsZero() && f.to.Before(s.sent)
		after := !s.acked.IsZero() && f.from.After(s.acked)
		if orders[i] > 0 && (before && orders[i] > got.order || after && orders[i] < got.order) {
			v.blame(&v.disordered, "user %d: out of order: %s and the evaluation %s", m.user, f.event.Type, s.id)
		}
	}
}

// session is the session that the side is about.
func (s *side) session(v webinar.Viewer) *webinar.Session {
	sessions := slices.Collect(maps.Values(v.Aside))
	if v.Current != nil {
		sessions = append(sessions, v.Current)
	}
	for _, session := range sessions {
		if s.wish.session == session.ID || s.wish.session == "" && s.webinar == session.Webinar {
			return session
		}
	}
	return nil
}

func (s *side) eventID(v webinar.Viewer) string {
	session := s.session(v)
	switch {
	case session == nil:
		return ""
	case s.deed == form:
		return webinar.EventID(webinar.EventFormSubmitted, s.user, formID, s.id.String()).String()
	}
	return webinar.EventID(webinar.EventAttendanceClassified, s.user, string(session.ID), s.id.String()).String()
}

// allows tells whether these may be the side's event. A repeat carries the same
// time, if the database's clock was steady, and says of attendance what is so by
// then.
func (s *side) allows(v webinar.Viewer, bodies [][]byte, c *clock) bool {
	offsets := c.offsets()
	var first time.Time
	for _, got := range bodies {
		at, ok := s.allowsOne(v, got, offsets)
		if first.IsZero() {
			first = at
		}
		if !ok || len(offsets) == 1 && !at.Equal(first) {
			return false
		}
	}
	return true
}

func (s *side) allowsOne(v webinar.Viewer, got []byte, offsets []time.Duration) (at time.Time, ok bool) {
	var said struct {
		Timestamp time.Time
		Data      struct{ Attended bool }
	}
	session := s.session(v)
	if json.Unmarshal(got, &said) != nil || session == nil {
		return at, false
	}
	e := webinar.Event{
		Type: webinar.EventAttendanceClassified, User: s.user, At: said.Timestamp, Webinar: session.Webinar,
		WebinarType: webinar.Auto, Session: session.ID, Attended: said.Data.Attended,
	}
	if s.deed == form {
		e.Type, e.FormID, e.FormPayload = webinar.EventFormSubmitted, formID, json.RawMessage(formPayload)
	}
	until := s.acked
	if until.IsZero() {
		until = time.Now()
	}
	in := said.Timestamp.Equal(session.StartedAt) // by a clock that was behind
	for _, offset := range offsets {
		in = in || said.Timestamp.After(s.sent.Add(offset-time.Second)) && said.Timestamp.Before(until.Add(offset+time.Second))
	}
	return said.Timestamp, in && bytes.Equal(body(e), got)
}

// id is the webhook id of a fact.
func (f fact) id() string {
	e := f.event
	switch {
	case e.Type == webinar.EventRegistered:
		return e.ID.String()
	case f.extra != "":
		return webinar.EventID(e.Type, e.User, string(e.Session), f.extra).String()
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
func (r *rig) evidence() map[uint64]*evidence {
	all := map[uint64]*evidence{}
	of := func(user uint64) *evidence {
		if all[user] == nil {
			all[user] = &evidence{rows: map[string][]string{}, events: map[string]*received{}}
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
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	for id, got := range r.sink.byID {
		of(got.user).events[id] = got
	}
	return all
}

// judge says what the run showed.
func (r *rig) judge(c *crowd, before string) *verdict {
	v := &verdict{requests: r.requests.Load(), acknowledged: r.acked.Load(), unacknowledged: r.unacked.Load(), faults: r.faults.Load(), viewers: len(c.people)}
	all := r.evidence()
	for _, p := range c.people {
		e := all[p.login.ID]
		delete(all, p.login.ID)
		if e == nil {
			e = &evidence{}
		}
		v.add(p.model.conclude(*e))
	}
	for user := range all {
		v.blame(&v.causeless, "rows or events of user %d, who does not exist", user)
	}
	if after := r.base.Checksum(r); !r.foreign.Load() && after != before {
		v.blame(&v.foreign, "rows of other prefixes, or other tables, have changed")
	}
	s := r.sink
	s.mu.Lock()
	defer s.mu.Unlock()
	v.deliveries, v.events, v.redelivered = s.deliveries, len(s.byID), s.deliveries-len(s.byID)
	for _, sum := range []struct {
		to   *int
		from int
		what string
	}{{&v.forged, s.forged, "signatures are not right"}, {&v.overlapped, s.overlaps, "deliveries overlapped"}} {
		if *sum.to += sum.from; sum.from > 0 {
			v.why = append(v.why, strconv.Itoa(sum.from)+" "+sum.what)
		}
	}
	if r.mayDie.Load() {
		v.dead = 0
	}
	return v
}
