package usermeta

import (
	"maps"

	"autowebinar/internal/failpoint"
	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)

// writeSet is what has to be written to bring a viewer's rows to a new state.
type writeSet struct {
	upserts    []row    // new key and value of a row; ID 0 inserts one
	deletes    []uint64 // umeta_ids
	hasInserts bool     // adds index entries: new rows, or new keys of existing ones
	hasEvents  bool
}

func (w *writeSet) add(o writeSet) {
	w.upserts, w.deletes = append(w.upserts, o.upserts...), append(w.deletes, o.deletes...)
	w.hasInserts, w.hasEvents = w.hasInserts || o.hasInserts, w.hasEvents || o.hasEvents
}

func (w *writeSet) empty() bool { return len(w.upserts) == 0 && len(w.deletes) == 0 }

// diff returns the writes from a snapshot to the viewer after a change, with its
// events. A session that is parked or restored keeps its rows under new keys;
// only values that differ are written, to all duplicates of a key.
func diff(before snapshot, after webinar.Viewer, events []webinar.Event) writeSet {
	var w writeSet
	sessions := map[webinar.ID]*webinar.Session{}
	maps.Copy(sessions, after.Parked)
	if after.Current != nil {
		sessions[""] = after.Current
	}
	sources, taken := before.sources(sessions)
	for to, session := range sessions {
		var rows sessionRows
		if from, ok := sources[to]; ok {
			rows = before.sessionRows[from]
		} else if !taken[to] {
			rows, taken[to] = before.sessionRows[to], true // rows without a session id, which the new session takes over
		}
		w.session(after.User, rows, session, to)
	}
	// The remaining rows belong to a session that another one replaces, or are a
	// copy of the current session.
	for id, rows := range before.sessionRows {
		if !taken[id] && (before.hasSessionIn(id) || sessions[id] != nil) {
			w.deleteSession(rows)
		}
	}
	for id, at := range after.Registered {
		if before.viewer.Registered[id].IsZero() {
			w.value(after.User, before.registered[id], joinKey(keyRegistered, id), formatTime(at))
		}
	}
	w.events(before, events)
	return w
}

// sources returns, for the sessions of the new state, the webinar ids under which
// their rows are stored now, and the set of these ids.
func (s *snapshot) sources(sessions map[webinar.ID]*webinar.Session) (sources map[webinar.ID]webinar.ID, taken map[webinar.ID]bool) {
	sources, taken = map[webinar.ID]webinar.ID{}, map[webinar.ID]bool{}
	for to, session := range sessions {
		if from, ok := s.source(session, to); ok && !taken[from] {
			sources[to], taken[from] = from, true
		}
	}
	return sources, taken
}

// source returns the webinar id under which a session's rows are stored now.
func (s *snapshot) source(session *webinar.Session, to webinar.ID) (from webinar.ID, ok bool) {
	for _, id := range []webinar.ID{to, session.Webinar, ""} {
		was := s.viewer.Current
		if id != "" {
			was = s.viewer.Parked[id]
		}
		if was != nil && was.ID == session.ID {
			return id, true
		}
	}
	return "", false
}

// hasSessionIn reports whether the rows of a webinar are a session's. Rows
// without a session id are not changed unless another session needs their keys.
func (s *snapshot) hasSessionIn(id webinar.ID) bool {
	rows := s.sessionRows[id][keySessionID]
	return len(rows) > 0 && rows[0].Value != ""
}

func (w *writeSet) session(user webinar.UserID, rows sessionRows, session *webinar.Session, to webinar.ID) {
	for _, base := range sessionKeys {
		if failpoint.Enabled(failpoint.LoseExit) && base == keyLeftAt ||
			failpoint.Enabled(failpoint.LoseParkedRow) && base == keyFurthest && to != "" {
			continue
		}
		w.value(user, rows[base], joinKey(base, to), encode(session, base))
	}
}

// value adds the writes that give the rows of one key a new key and value. It
// does not rewrite a value with the same meaning, even if PHP wrote it in
// another form or it is damaged.
func (w *writeSet) value(user webinar.UserID, rows []row, key, want string) {
	if len(rows) == 0 {
		if want != "" && want != "0" {
			w.upserts, w.hasInserts = append(w.upserts, row{User: user, Key: key, Value: want}), true
		}
		return
	}
	base, _ := splitKey(key)
	same := canonical(base, rows[0].Value) == want
	for _, r := range rows {
		w.hasInserts = w.hasInserts || r.Key != key
		switch {
		case same && r.Key == key:
		case same:
			w.upserts = append(w.upserts, row{ID: r.ID, User: user, Key: key, Value: r.Value})
		case want == "":
			w.deletes = append(w.deletes, r.ID)
		default:
			w.upserts = append(w.upserts, row{ID: r.ID, User: user, Key: key, Value: want})
		}
	}
}

// canonical returns a stored value in the form in which the service writes it.
func canonical(base, value string) string {
	if base == keyRegistered {
		at, _ := parseTime(value)
		return formatTime(at)
	}
	var s webinar.Session
	decode(&s, base, value)
	return encode(&s, base)
}

func (w *writeSet) deleteSession(rows sessionRows) {
	for _, base := range sessionKeys {
		for _, r := range rows[base] {
			w.deletes = append(w.deletes, r.ID)
		}
	}
}

func (w *writeSet) events(before snapshot, events []webinar.Event) {
	for _, event := range events {
		if before.pending[event.ID] || failpoint.Enabled(failpoint.SkipOutbox) {
			continue // queued already
		}
		w.upserts = append(w.upserts, outbox.EventRow(event, before.hasDeferred))
		w.hasInserts, w.hasEvents = true, true
	}
}
