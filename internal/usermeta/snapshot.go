package usermeta

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

type row = wpdb.Row

// sessionRows is the rows of one session by key without suffix, each list
// ascending by umeta_id.
type sessionRows map[string][]row

// snapshot is a viewer as the rows describe it, with the rows. The rows of the
// current session have the empty webinar id.
type snapshot struct {
	viewer      webinar.Viewer
	sessionRows map[webinar.ID]sessionRows
	registered  map[webinar.ID][]row
	hasDeferred bool               // older messages of the viewer are deferred, so newer ones must be deferred too
	pending     map[uuid.UUID]bool // events in the outbox, by webhook id
	damaged     []row              // values that could not be read
}

// read decodes a viewer's rows, in any order. Keys are compared byte by byte: the
// column's collation ignores case, PHP does not.
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
		// The plain rows win over a parked copy, which diff deletes.
		delete(s.viewer.Parked, s.viewer.Current.Webinar)
	}
	return s
}

func (s *snapshot) addRow(r row) {
	base, id := splitKey(r.Key)
	named := strings.Contains(r.Key, "@")
	switch {
	case named && !webinar.IDPattern.MatchString(string(id)):
		return // not a key of the service
	case base == keyRegistered && named:
		s.registered[id] = append(s.registered[id], r)
	case slices.Contains(sessionKeys, base):
		if s.sessionRows[id] == nil {
			s.sessionRows[id] = sessionRows{}
		}
		s.sessionRows[id][base] = append(s.sessionRows[id][base], r)
	case r.Key == outbox.KeyDue || r.Key == outbox.KeyDeferred:
		s.hasDeferred = s.hasDeferred || r.Key == outbox.KeyDeferred
		if id, ok := outbox.EventID(r); ok {
			s.pending[id] = true
		}
	}
}

// readSession decodes the session of a webinar. It exists when its id is not
// empty.
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

// hasSession reports whether the viewer has a row that every change locks, so
// that no named lock is needed.
func (s *snapshot) hasSession() bool {
	return s.viewer.Current != nil || len(s.viewer.Parked) > 0
}
