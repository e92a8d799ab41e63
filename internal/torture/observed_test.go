package torture

import (
	"strings"
	"time"

	"autowebinar/internal/webinar"
)

// observed is what a run has left behind of one viewer.
type observed struct {
	rows   map[string][]string // by key, in the order of umeta_id
	events map[string]*receivedEvent
}

// observe reads what there is of all viewers.
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
		r.Fatalf("read rows: %v", err)
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

// sessionRows returns the rows of sessions and registrations, and adds failures for
// duplicate rows and for rows of the queue.
func (e observed) sessionRows(v *result) map[string]string {
	rows := map[string]string{}
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
		if values[0] != "0" { // the service writes 0 where a number was positive before
			rows[key] = values[0]
		}
	}
	return rows
}

// row returns the first row of a key, or nothing.
func (e observed) row(key string) string {
	if values := e.rows["autowebinar_"+key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// viewer returns as much of a viewer as the events of evaluations and forms
// depend on.
func (e observed) viewer(user webinar.UserID) webinar.Viewer {
	v := webinar.Viewer{User: user, Parked: map[webinar.ID]*webinar.Session{}}
	for key, values := range e.rows {
		suffix, found := strings.CutPrefix(key, "autowebinar_session_id")
		if !found {
			continue
		}
		s := &webinar.Session{
			ID: webinar.SessionID(values[0]), Webinar: webinar.ID(e.row("webinar_id" + suffix)), Completed: e.row("completed"+suffix) == "1",
		}
		s.StartedAt, _ = time.Parse(time.DateTime, e.row("started_at"+suffix))
		v.Parked[s.Webinar] = s
	}
	return v
}

// finalRows is what the rows tell of changes without a response: whatever has been
// applied can be found there.
type finalRows struct {
	sessions map[webinar.ID]webinar.SessionID
	lastSeen string          // the latest one of all sessions
	clicks   map[string]bool // when a call to action was clicked first
}

func (e observed) finalRows() finalRows {
	f := finalRows{sessions: map[webinar.ID]webinar.SessionID{}, clicks: map[string]bool{}}
	for key, values := range e.rows {
		name, suffix, _ := strings.Cut(strings.TrimPrefix(key, "autowebinar_"), "@")
		if suffix != "" {
			suffix = "@" + suffix
		}
		switch name {
		case "session_id":
			f.sessions[webinar.ID(e.row("webinar_id"+suffix))] = webinar.SessionID(values[0])
		case "last_seen_at":
			f.lastSeen = max(f.lastSeen, values[0])
		case "cta_clicked_at":
			f.clicks[values[0]] = true
		}
	}
	return f
}

// session returns the id of a webinar's session. A session that does not exist has
// an id that no response names.
func (f finalRows) session(id webinar.ID) webinar.SessionID {
	if session, exists := f.sessions[id]; exists {
		return session
	}
	return "none"
}

// allow reports whether a request may have changed something at a time of the
// database's clock: a session was last seen no earlier than that, and the first
// click on a call to action has a row. A registration has an event instead.
func (f finalRows) allow(r request, t time.Time) bool {
	switch {
	case r.route == register:
		return true
	case r.route == cta && r.report == nil:
		return f.clicks[clockTime(t)]
	}
	return clockTime(t) <= f.lastSeen
}
