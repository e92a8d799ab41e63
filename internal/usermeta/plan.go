package usermeta

import (
	"maps"

	"autowebinar/internal/webinar"
)

// plan is what has to be written to bring a viewer's rows to a new state.
type writeSet struct {
	upserts    []row    // ID 0: a new row; else the row's new key and value
	deletes    []uint64 // umeta_ids
	hasInserts bool     // entries to an index: new rows, or new keys of old ones
}

func (p *writeSet) empty() bool { return len(p.upserts) == 0 && len(p.deletes) == 0 }

// diff plans the way from a snapshot to the viewer after a change, with its
// events. A session that moves takes its rows along under new keys; only values
// that differ are rewritten, all duplicates of a key alike.
func diff(before snapshot, after webinar.Viewer, events []webinar.Event) writeSet {
	var p writeSet
	sessions := maps.Clone(after.Parked)
	if sessions == nil {
		sessions = map[webinar.ID]*webinar.Session{}
	}
	if after.Current != nil {
		sessions[""] = after.Current
	}
	origins, taken := before.sources(sessions)
	for to, session := range sessions {
		var rows sessionRows
		if from, ok := origins[to]; ok {
			rows = before.sessionRows[from]
		} else if !taken[to] {
			rows, taken[to] = before.sessionRows[to], true // strays that the new session makes its own
		}
		p.session(after.User, rows, session, to)
	}
	// What is left stands where a session moved in, or was a copy of the
	// current session: it would be read instead of what is meant.
	for id, rows := range before.sessionRows {
		if !taken[id] && (before.hasSessionIn(id) || sessions[id] != nil) {
			p.deleteSession(rows)
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
func (s *snapshot) sources(sessions map[webinar.ID]*webinar.Session) (origins map[webinar.ID]webinar.ID, taken map[webinar.ID]bool) {
	origins, taken = map[webinar.ID]webinar.ID{}, map[webinar.ID]bool{}
	for to, session := range sessions {
		if from, ok := s.source(session, to); ok && !taken[from] {
			origins[to], taken[from] = from, true
		}
	}
	return origins, taken
}

// origin is the slot that a session's rows stood in before the change.
func (s *snapshot) source(session *webinar.Session, to webinar.ID) (from webinar.ID, ok bool) {
	stood := func(slot webinar.ID) bool {
		was := s.viewer.Current
		if slot != "" {
			was = s.viewer.Parked[slot]
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
func (s *snapshot) hasSessionIn(id webinar.ID) bool {
	return len(s.sessionRows[id][keySessionID]) > 0 && s.sessionRows[id][keySessionID][0].Value != ""
}

func (p *writeSet) session(user webinar.UserID, rows sessionRows, session *webinar.Session, to webinar.ID) {
	for _, base := range sessionKeys {
		p.value(user, rows[base], joinKey(base, to), encode(session, base))
	}
}

// value brings the rows of one key to a key and a value. A value that reads the
// same is left as it is, be it foreign or damaged.
func (p *writeSet) value(user webinar.UserID, rows []row, key, want string) {
	if len(rows) == 0 {
		if want != "" && want != "0" {
			p.upserts, p.hasInserts = append(p.upserts, row{User: user, Key: key, Value: want}), true
		}
		return
	}
	base, _ := splitKey(key)
	same := canonical(base, rows[0].Value) == want
	for _, r := range rows {
		p.hasInserts = p.hasInserts || r.Key != key
		switch {
		case same && r.Key == key:
		case same:
			p.upserts = append(p.upserts, row{ID: r.ID, User: user, Key: key, Value: r.Value})
		case want == "":
			p.deletes = append(p.deletes, r.ID)
		default:
			p.upserts = append(p.upserts, row{ID: r.ID, User: user, Key: key, Value: want})
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

func (p *writeSet) deleteSession(rows sessionRows) {
	for _, base := range sessionKeys {
		for _, r := range rows[base] {
			p.deletes = append(p.deletes, r.ID)
		}
	}
}

func (p *writeSet) events(before snapshot, events []webinar.Event) {
	key := keyOutbox
	if before.hasDeferred {
		key = keyOutboxDeferred
	}
	for _, event := range events {
		if before.pending[event.ID] {
			continue // the same fact is on its way
		}
		p.upserts, p.hasInserts = append(p.upserts, row{User: event.User, Key: key, Value: encodeMessage(Message{Event: event})}), true
	}
}
