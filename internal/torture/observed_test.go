package torture

import (
	"strings"
	"time"

	"autowebinar/internal/webinar"
)

// observed contains the rows and events of one viewer after a run.
type observed struct {
	rows   map[string][]string // by key, in the order of umeta_id
	events map[string]*receivedEvent
}

// observe returns the rows and events of all users by user id.
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
		obs := of(row.User)
		obs.rows[row.Key] = append(obs.rows[row.Key], row.Value)
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
func (obs observed) sessionRows(res *result) map[string]string {
	rows := map[string]string{}
	for key, values := range obs.rows {
		switch {
		case key == "autowebinar_outbox" || key == "autowebinar_outbox_wait":
			res.addFailure(&res.left, "left in the queue: %v", values)
			continue
		case key == "autowebinar_outbox_dead":
			res.addFailure(&res.dead, "dead: %v", values)
			continue
		case len(values) > 1:
			res.addFailure(&res.wrongRows, "duplicate rows of %s: %v", key, values)
		}
		if values[0] != "0" { // the service writes 0 instead of deleting a number's row
			rows[key] = values[0]
		}
	}
	return rows
}

// row returns the value of the first row of a key, or "".
func (obs observed) row(key string) string {
	if values := obs.rows["autowebinar_"+key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// viewer returns the viewer's sessions with the fields that the events of evaluations
// and forms depend on.
func (obs observed) viewer(user webinar.UserID) webinar.Viewer {
	v := webinar.Viewer{User: user, Parked: map[webinar.ID]*webinar.Session{}}
	for key, values := range obs.rows {
		suffix, found := strings.CutPrefix(key, "autowebinar_session_id")
		if !found {
			continue
		}
		s := &webinar.Session{
			ID: webinar.SessionID(values[0]), Webinar: webinar.ID(obs.row("webinar_id" + suffix)), Completed: obs.row("completed"+suffix) == "1",
		}
		s.StartedAt, _ = time.Parse(time.DateTime, obs.row("started_at"+suffix))
		v.Parked[s.Webinar] = s
	}
	return v
}

// finalRows contains the values of the final rows that show which unanswered changes
// have been applied.
type finalRows struct {
	sessions map[webinar.ID]webinar.SessionID
	lastSeen string          // the latest of all sessions
	clicks   map[string]bool // the times of the first click in each session
}

func (obs observed) finalRows() finalRows {
	f := finalRows{sessions: map[webinar.ID]webinar.SessionID{}, clicks: map[string]bool{}}
	for key, values := range obs.rows {
		name, suffix, _ := strings.Cut(strings.TrimPrefix(key, "autowebinar_"), "@")
		if suffix != "" {
			suffix = "@" + suffix
		}
		switch name {
		case "session_id":
			f.sessions[webinar.ID(obs.row("webinar_id"+suffix))] = webinar.SessionID(values[0])
		case "last_seen_at":
			f.lastSeen = max(f.lastSeen, values[0])
		case "cta_clicked_at":
			f.clicks[values[0]] = true
		}
	}
	return f
}

// session returns the id of a webinar's session, or an id that occurs in no response if
// there is none.
func (f finalRows) session(id webinar.ID) webinar.SessionID {
	if session, exists := f.sessions[id]; exists {
		return session
	}
	return "none"
}

// allows reports whether the final rows permit that a request was applied at a time of
// the database's clock: it updates the session's last_seen_at, and a first click has a
// row. A registration is found by its event instead.
func (f finalRows) allows(r request, t time.Time) bool {
	switch {
	case r.route == register:
		return true
	case r.route == cta && r.report == nil:
		return f.clicks[clockTime(t)]
	}
	return clockTime(t) <= f.lastSeen
}
