package webinar

import (
	"maps"
	"slices"
	"time"
)

// SessionRef names the session that a command is about: by session id, by
// webinar id, or by both, which must then agree. An empty SessionRef names the
// current session.
type SessionRef struct {
	Session SessionID
	Webinar ID
}

// Clone returns a copy that shares no memory with v.
func (v Viewer) Clone() Viewer {
	c := Viewer{User: v.User, Current: v.Current.clone(), Registered: maps.Clone(v.Registered)}
	if v.Parked != nil {
		c.Parked = make(map[ID]*Session, len(v.Parked))
		for id, s := range v.Parked {
			c.Parked[id] = s.clone()
		}
	}
	return c
}

// Session returns the viewer's session of a webinar, current or parked, or nil.
func (v Viewer) Session(id ID) *Session {
	if v.Current != nil && v.Current.Webinar == id {
		return v.Current
	}
	return v.Parked[id]
}

func (v Viewer) sessionByID(id SessionID) *Session {
	if v.Current != nil && v.Current.ID == id {
		return v.Current
	}
	for _, webinar := range slices.Sorted(maps.Keys(v.Parked)) {
		if v.Parked[webinar].ID == id {
			return v.Parked[webinar]
		}
	}
	return nil
}

// find returns the session that ref names. It points into v.
func (r Rules) find(v *Viewer, ref SessionRef) (*Session, error) {
	if ref.Session == "" {
		return r.findByWebinar(v, ref.Webinar)
	}
	s := v.sessionByID(ref.Session)
	switch {
	case s == nil:
		return nil, ErrSessionMismatch
	case ref.Webinar == "" || s.Webinar == ref.Webinar:
		return s, nil
	case s.Webinar == "" && r.allows(ref.Webinar):
		v.assignWebinar(ref.Webinar)
		return s, nil
	}
	return nil, ErrSessionMismatch
}

// findByWebinar returns the session of webinar id, or the current session if id
// is empty. A current session without a webinar is assigned to id.
func (r Rules) findByWebinar(v *Viewer, id ID) (*Session, error) {
	if v.Current != nil {
		switch {
		case id == "":
			return v.Current, nil
		case v.Current.Webinar == "" && r.allows(id):
			v.assignWebinar(id)
		}
	}
	if s := v.Session(id); s != nil {
		return s, nil
	}
	return nil, ErrNoSession
}

// assignWebinar sets the webinar of the current session. It replaces a parked
// session of the same webinar, which is older.
func (v *Viewer) assignWebinar(id ID) {
	v.Current.Webinar = id
	delete(v.Parked, id)
}

// activate makes the session of webinar id the current one and parks the
// session that was current. On an error v is unchanged.
func (r Rules) activate(v *Viewer, id ID) error {
	s, err := r.findByWebinar(v, id)
	if err != nil || s == v.Current {
		return err
	}
	if v.Current != nil && v.Current.Webinar == "" {
		return ErrNoSession // without a webinar id the current session cannot be parked
	}
	delete(v.Parked, id)
	v.park()
	v.Current = s
	return nil
}

func (v *Viewer) park() {
	if v.Current == nil {
		return
	}
	if v.Parked == nil {
		v.Parked = map[ID]*Session{}
	}
	v.Parked[v.Current.Webinar] = v.Current
	v.Current = nil
}

func (s *Session) clone() *Session {
	if s == nil {
		return nil
	}
	c := *s
	return &c
}

// touch records that the viewer was present. LastSeenAt never moves back, even
// if the clock does.
func (s *Session) touch(now time.Time) {
	if s.StartedAt.IsZero() {
		s.StartedAt = now
	}
	if now.After(s.LastSeenAt) {
		s.LastSeenAt = now
	}
}
