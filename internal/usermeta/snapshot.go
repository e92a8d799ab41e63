package usermeta

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// row is one row of the usermeta table.
type row struct {
	ID    uint64         `db:"umeta_id"`
	User  webinar.UserID `db:"user_id"`
	Key   string         `db:"meta_key"`
	Value string         `db:"meta_value"`
}

// slot is the rows of one session by base key, each list in umeta_id order. The
// slot of the current session stands under the empty webinar id.
type sessionRows map[string][]row

// snapshot is what a viewer's rows say, and which rows say it.
type snapshot struct {
	viewer      webinar.Viewer
	sessionRows map[webinar.ID]sessionRows
	registered  map[webinar.ID][]row
	hasDeferred bool               // older events of the viewer wait: newer ones must queue behind them
	pending     map[uuid.UUID]bool // events that are in the outbox already
	damaged     []row              // values that could not be read
}

// read makes sense of a viewer's rows, in whatever order they come. Keys are
// compared byte by byte: the column's collation ignores case, PHP does not.
func read(user webinar.UserID, rows []row) snapshot {
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.ID, b.ID) })
	s := snapshot{
		viewer:      webinar.Viewer{User: user, Parked: map[webinar.ID]*webinar.Session{}, Registered: map[webinar.ID]time.Time{}},
		sessionRows: map[webinar.ID]sessionRows{},
		registered:  map[webinar.ID][]row{},
		pending:     map[uuid.UUID]bool{},
	}
	for _, r := range rows {
		s.addRow(r)
	}
	for id := range s.sessionRows {
		s.readSession(id)
	}
	for id, rows := range s.registered {
		if at, ok := parseTime(rows[0].Value); ok && !at.IsZero() {
			s.viewer.Registered[id] = at
		} else if !ok {
			s.damaged = append(s.damaged, rows[0])
		}
	}
	if s.viewer.Current != nil {
		// The plain rows win over a set-aside copy; the plan removes the copy.
		delete(s.viewer.Parked, s.viewer.Current.Webinar)
	}
	return s
}

func (s *snapshot) addRow(r row) {
	base, id := splitKey(r.Key)
	named := strings.Contains(r.Key, "@")
	switch {
	case named && !webinar.IDPattern.MatchString(string(id)):
		return // not a key of ours
	case base == keyRegistered && named:
		s.registered[id] = append(s.registered[id], r)
	case slices.Contains(sessionKeys, base):
		if s.sessionRows[id] == nil {
			s.sessionRows[id] = sessionRows{}
		}
		s.sessionRows[id][base] = append(s.sessionRows[id][base], r)
	case r.Key == keyOutbox || r.Key == keyOutboxDeferred:
		s.hasDeferred = s.hasDeferred || r.Key == keyOutboxDeferred
		if m, err := decodeMessage(r); err == nil {
			s.pending[m.Event.ID] = true
		}
	}
}

// readSession reads the session of one slot, if it has one: a session exists
// when its id is not empty.
func (s *snapshot) readSession(id webinar.ID) {
	var session webinar.Session
	for _, base := range sessionKeys {
		rows := s.sessionRows[id][base]
		if len(rows) > 0 && !decode(&session, base, rows[0].Value) {
			s.damaged = append(s.damaged, rows[0])
		}
	}
	if session.ID == "" {
		return
	}
	session.Furthest = max(session.Furthest, session.LastPosition)
	if id == "" {
		s.viewer.Current = &session
		return
	}
	session.Webinar = id
	s.viewer.Parked[id] = &session
}

// hasSession tells whether there is a row that every change of this viewer
// locks, so that no other lock is needed.
func (s *snapshot) hasSession() bool {
	return s.viewer.Current != nil || len(s.viewer.Parked) > 0
}
