package usermeta

import (
	"cmp"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"autowebinar/internal/webinar"
)

// viewerChanges are the changes of one viewer in one commit, in the order in
// which they came.
type changeGroup struct {
	user    webinar.UserID
	changes []*change
}

// byViewer sorts a batch by viewer, ascending: every commit of every replica
// locks in that order.
func byViewer(batch []*change) []changeGroup {
	index := make(map[webinar.UserID]int, len(batch))
	groups := make([]changeGroup, 0, len(batch))
	for _, c := range batch {
		i, known := index[c.user]
		if !known {
			i = len(groups)
			index[c.user] = i
			groups = append(groups, changeGroup{user: c.user})
		}
		groups[i].changes = append(groups[i].changes, c)
	}
	slices.SortFunc(groups, func(a, b changeGroup) int { return cmp.Compare(a.user, b.user) })
	return groups
}

func users(groups []changeGroup) []webinar.UserID {
	ids := make([]webinar.UserID, len(groups))
	for i, g := range groups {
		ids[i] = g.user
	}
	return ids
}

// decide applies the changes one after another to what the rows say, and plans
// what has to be written for all of them. A change that is refused leaves the
// viewer as the one before it did.
//
// A panic is this viewer's own: it refuses their changes and nobody else's.
func (g changeGroup) apply(snap snapshot, now time.Time, log *slog.Logger) (p writeSet, eventful bool) {
	defer func() {
		if cause := recover(); cause != nil {
			log.Error("panic in a change", "user", g.user, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			g.reject(fmt.Errorf("usermeta: panic in a change: %v", cause))
			p, eventful = writeSet{}, false
		}
	}()
	viewer := snap.viewer
	var events []webinar.Event
	for _, c := range g.changes {
		after, added, err := c.apply(viewer, now)
		if c.applyErr = err; err != nil {
			continue
		}
		viewer = after
		events = append(events, added...)
	}
	return diff(snap, viewer, events), len(events) > 0
}

// refuse gives all changes of the viewer the same verdict.
func (g changeGroup) reject(err error) {
	for _, c := range g.changes {
		c.applyErr = err
	}
}
