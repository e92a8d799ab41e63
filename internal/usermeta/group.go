package usermeta

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"autowebinar/internal/webinar"
)

// changeGroup contains all changes of one viewer in one commit, in order of
// arrival.
type changeGroup struct {
	user     webinar.UserID
	requests []*request
}

// byViewer groups a batch by viewer, ascending: all commits of all replicas lock
// in that order.
func byViewer(batch []*request) []changeGroup {
	index := make(map[webinar.UserID]int, len(batch))
	groups := make([]changeGroup, 0, len(batch))
	for _, r := range batch {
		i, known := index[r.Value.user]
		if !known {
			i = len(groups)
			index[r.Value.user] = i
			groups = append(groups, changeGroup{user: r.Value.user})
		}
		groups[i].requests = append(groups[i].requests, r)
	}
	slices.SortFunc(groups, func(a, b changeGroup) int { return cmp.Compare(a.user, b.user) })
	return groups
}

func userIDs(groups []changeGroup) []webinar.UserID {
	ids := make([]webinar.UserID, len(groups))
	for i, g := range groups {
		ids[i] = g.user
	}
	return ids
}

// apply runs the commands one after another on the viewer, and plans the writes
// for all of them. A command that fails changes nothing.
//
// A panic fails the changes of this viewer and of no other.
func (g changeGroup) apply(s *Store, snap snapshot, now time.Time) (w writeSet) {
	defer func() {
		if cause := recover(); cause != nil {
			s.cfg.Logger.Error("panic in a command", "user", g.user, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			g.reject(fmt.Errorf("usermeta: panic in a command: %v", cause))
			w = writeSet{}
		}
	}()
	viewer := snap.viewer
	var events []webinar.Event
	for _, r := range g.requests {
		c := r.Value
		c.result, c.err = c.command(viewer, now)
		if c.err != nil {
			continue
		}
		if s.cfg.DiscardEvents {
			c.result.Events = nil
		}
		viewer = c.result.Viewer
		events = append(events, c.result.Events...)
	}
	return diff(snap, viewer, events)
}

// reject gives all changes of the viewer the same error.
func (g changeGroup) reject(err error) {
	for _, r := range g.requests {
		r.Value.err = err
	}
}
