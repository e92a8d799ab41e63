package usermeta

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"autowebinar/internal/webinar"
)

// stragglers are viewers whose rows somebody else holds. Each is worked on
// alone, beside the lanes, which must not wait for that.
type stragglers struct {
	places chan struct{} // one for each viewer at the same time

	mu      sync.Mutex
	waiting map[webinar.UserID][]*change // of viewers who have a place: what came after
}

func newStragglers() *stragglers {
	return &stragglers{places: make(chan struct{}, stragglerLimit), waiting: map[webinar.UserID][]*change{}}
}

// joins adds changes to those of a viewer who straggles already. If the viewer
// does not, they begin to, and it returns false.
func (s *stragglers) joins(g viewerChanges) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.follows(g) {
		return true
	}
	s.waiting[g.user] = nil
	return false
}

// remaining takes out of a batch those who straggle already: to try them in the
// lane would hold it up for nothing.
func (s *stragglers) remaining(groups []viewerChanges) []viewerChanges {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(groups, s.follows)
}

// follows adds changes to those of a viewer who straggles already, if so.
func (s *stragglers) follows(g viewerChanges) bool {
	later, straggling := s.waiting[g.user]
	if straggling {
		s.waiting[g.user] = append(later, g.changes...)
	}
	return straggling
}

// next returns what came for the viewer meanwhile. Where there is nothing they
// straggle no more.
func (s *stragglers) next(user webinar.UserID) []*change {
	s.mu.Lock()
	defer s.mu.Unlock()
	later := s.waiting[user]
	if len(later) == 0 {
		delete(s.waiting, user)
	} else {
		s.waiting[user] = nil
	}
	return later
}

// straggle carries one viewer through beside the lane, waiting for whoever holds
// their lock. The lane does not even wait for a place.
func (s *Store) straggle(g viewerChanges, named bool) {
	if s.stragglers.joins(g) {
		return
	}
	// The callers of Change wait for what this goroutine does.
	go func() {
		s.stragglers.places <- struct{}{}
		defer func() { <-s.stragglers.places }()
		for changes := g.changes; len(changes) > 0; changes = s.stragglers.next(g.user) {
			if fresh := expire(changes); len(fresh) > 0 {
				s.carryAlone(viewerChanges{user: g.user, changes: fresh}, named)
			}
		}
	}()
}

func (s *Store) carryAlone(g viewerChanges, named bool) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			s.log.Error("panic in a commit", "user", g.user, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			finishAll(g.changes, errAborted)
		}
	}()
	s.carry(ctx, []viewerChanges{g}, manner{named: named})
}
