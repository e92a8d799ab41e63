package usermeta

import (
	"maps"

	"autowebinar/internal/webinar"
)

// plan is what has to be written to bring a viewer's rows to a new state.
type plan struct {
	put    []row    // ID 0: a new row; else the row's new key and value
	remove []uint64 // umeta_ids
	adds   bool     // entries to an index: new rows, or new keys of old ones
}

func (p *plan) empty() bool { return len(p.put) == 0 && len(p.remove) == 0 }

// diff plans the way from a snapshot to the viewer after a change, with its
// events. A session that moves takes its rows along under new keys; only values
// that differ are rewritten, all duplicates of a key alike.
func diff(before snapshot, after webinar.Viewer, events []webinar.Event) plan {
	var p plan
	sessions := maps.Clone(after.Aside)
	if sessions == nil {
		sessions = map[webinar.ID]*webinar.Session{}
	}
	if after.Current != nil {
		sessions[""] = after.Current
	}
	origins, taken := before.origins(sessions)
	for to, session := range sessions {
		var rows slot
		if from, ok := origins[to]; ok {
			rows = before.slots[from]
		} else if !taken[to] {
			rows, taken[to] = before.slots[to], true // strays that the new session makes its own
		}
		p.session(after.User, rows, session, to)
	}
	// What is left stands where a session moved in, or was a copy of the
	// current session: it would be read instead of what is meant.
	for id, rows := range before.slots {
		if !taken[id] && (before.holds(id) || sessions[id] != nil) {
			p.removeSlot(rows)
		}
	}
	for id, at := range after.Registered {
		if before.viewer.Registered[id].IsZero() {
			p.value(after.User, before.registered[id], joinKey(keyRegistered, id), formatTime(at))
		}
	}
	p.events(before, events)
	return p
}

// origins tells for the sessions of the new state, by the slot they go to, from
// which slot their rows come, and which slots are thereby taken.
func (s *snapshot) origins(sessions map[webinar.ID]*webinar.Session) (origins map[webinar.ID]webinar.ID, taken map[webinar.ID]bool) {
	origins, taken = map[webinar.ID]webinar.ID{}, map[webinar.ID]bool{}
	for to, session := range sessions {
		if from, ok := s.origin(session, to); ok && !taken[from] {
			origins[to], taken[from] = from, true
		}
	}
	return origins, taken
}

// origin is the slot that a session's rows stood in before the change.
func (s *snapshot) origin(session *webinar.Session, to webinar.ID) (from webinar.ID, ok bool) {
	stood := func(slot webinar.ID) bool {
		was := s.viewer.Current
		if slot != "" {
			was = s.viewer.Aside[slot]
		}
		return was != nil && was.ID == session.ID
	}
	for _, slot := range []webinar.ID{to, session.Webinar, ""} {
		if stood(slot) {
			return slot, true
		}
	}
	return "", false
}

// holds tells whether the slot's rows were a session's: then they go when the
// session did. Stray rows stay unless they are in the way.
func (s *snapshot) holds(id webinar.ID) bool {
	return len(s.slots[id][keySessionID]) > 0 && s.slots[id][keySessionID][0].Value != ""
}

func (p *plan) session(user webinar.UserID, rows slot, session *webinar.Session, to webinar.ID) {
	for _, base := range sessionKeys {
		p.value(user, rows[base], joinKey(base, to), encode(session, base))
	}
}

// value brings the rows of one key to a key and a value. A value that reads the
// same is left as it is, be it foreign or damaged.
func (p *plan) value(user webinar.UserID, rows []row, key, want string) {
	if len(rows) == 0 {
		if want != "" && want != "0" {
			p.put, p.adds = append(p.put, row{User: user, Key: key, Value: want}), true
		}
		return
	}
	base, _ := splitKey(key)
	same := canonical(base, rows[0].Value) == want
	for _, r := range rows {
		p.adds = p.adds || r.Key != key
		switch {
		case same && r.Key == key:
		case same:
			p.put = append(p.put, row{ID: r.ID, User: user, Key: key, Value: r.Value})
		case want == "":
			p.remove = append(p.remove, r.ID)
		default:
			p.put = append(p.put, row{ID: r.ID, User: user, Key: key, Value: want})
		}
	}
}

// canonical is the value that the service itself would have written for what a
// stored value says.
func canonical(base, value string) string {
	if base == keyRegistered {
		at, _ := parseTime(value)
		return formatTime(at)
	}
	var s webinar.Session
	decode(&s, base, value)
	return encode(&s, base)
}

func (p *plan) removeSlot(rows slot) {
	for _, base := range sessionKeys {
		for _, r := range rows[base] {
			p.remove = append(p.remove, r.ID)
		}
	}
}

func (p *plan) events(before snapshot, events []webinar.Event) {
	key := keyOutbox
	if before.waits {
		key = keyOutboxWait
	}
	for _, event := range events {
		if before.pending[event.ID] {
			continue // the same fact is on its way
		}
		p.put, p.adds = append(p.put, row{User: event.User, Key: key, Value: encodeMessage(Message{Event: event})}), true
	}
}
