package webinar

import (
	"maps"
	"slices"
	"time"
)

// Which names the session a command is about: by session id, by webinar id, or
// by both, which must then agree.
type SessionRef struct {
	Session SessionID
	Webinar ID
}

// Clone returns a copy that shares nothing with v.
func (v Viewer) Clone() Viewer {
	c := Viewer{User: v.User, Registered: maps.Clone(v.Registered)}
	if v.Current != nil {
		current := *v.Current
		c.Current = &current
	}
	if v.Parked != nil {
		c.Parked = make(map[ID]*Session, len(v.Parked))
		for id, s := range v.Parked {
			aside := *s
			c.Parked[id] = &aside
		}
	}
	return c
}

// find returns the session that w names, as a part of v: changing it changes v.
// A session that PHP made is adopted by the first command that names a webinar.
func (r Rules) find(v *Viewer, w SessionRef) (*Session, error) {
	if w.Session == "" {
		return r.findByWebinar(v, w.Webinar)
	}
	s := v.findByID(w.Session)
	switch {
	case s == nil:
		return nil, ErrSessionMismatch
	case w.Webinar == "" || s.Webinar == w.Webinar:
		return s, nil
	case s.Webinar == "" && r.lists(w.Webinar):
		v.adopt(w.Webinar)
		return s, nil
	}
	return nil, ErrSessionMismatch
}

// findNamed is find for commands whose events must say which webinar they are of.
func (r Rules) findNamed(v *Viewer, w SessionRef) (*Session, error) {
	s, err := r.find(v, w)
	if err != nil {
		return nil, err
	}
	if s.Webinar == "" {
		return nil, ErrWebinarRequired
	}
	return s, nil
}

func (v *Viewer) findByID(id SessionID) *Session {
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

func (r Rules) findByWebinar(v *Viewer, id ID) (*Session, error) {
	unnamed := v.Current != nil && v.Current.Webinar == ""
	switch {
	case v.Current != nil && (id == "" || v.Current.Webinar == id):
		return v.Current, nil
	case unnamed && r.lists(id):
		v.adopt(id)
		return v.Current, nil
	case v.Parked[id] != nil:
		return v.Parked[id], nil
	}
	return nil, ErrNoSession
}

// adopt gives the current, unnamed session its webinar. It is the newer one,
// so it wins over a session of the same webinar that was set aside.
func (v *Viewer) adopt(id ID) {
	v.Current.Webinar = id
	delete(v.Parked, id)
}

// bring makes the session of webinar id the current one and sets another aside.
// An error changes nothing. A session without a webinar cannot be set aside: it
// has no name to stand under.
func (r Rules) bring(v *Viewer, id ID) error {
	s, err := r.findByWebinar(v, id)
	if err != nil || s == v.Current {
		return err
	}
	if v.Current != nil && v.Current.Webinar == "" {
		return ErrNoSession
	}
	delete(v.Parked, id)
	v.setAside()
	v.Current = s
	return nil
}

func (v *Viewer) setAside() {
	if v.Current == nil {
		return
	}
	if v.Parked == nil {
		v.Parked = map[ID]*Session{}
	}
	v.Parked[v.Current.Webinar] = v.Current
	v.Current = nil
}

// touch notes that the viewer was there. The clock of a session never goes back.
func (s *Session) touch(now time.Time) {
	if s.StartedAt.IsZero() {
		s.StartedAt = now
	}
	if now.After(s.LastSeenAt) {
		s.LastSeenAt = now
	}
}
