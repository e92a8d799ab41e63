package torture

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// attempt is a request, sent once.
type attempt struct {
	request
	n        int
	sent     time.Time
	ended    time.Time // zero while the attempt is in flight
	response *response // nil if there is none: the attempt may have been applied or not
}

func (a *attempt) unanswered() bool { return a.response == nil }

// model records the attempts of one viewer and the responses. It is safe for
// concurrent use by the viewer's clients.
type model struct {
	user        webinar.UserID
	clock       *clock
	appliedOnce bool // no request is applied twice

	mu        sync.Mutex
	sentCount int
	attempts  []*attempt // that may have reached the service
	untracked []*untrackedRequest
	latest    map[webinar.ID]latestResponse
	failures  []string // responses that are wrong in every state
}

func newModel(user uint64, c *clock, appliedOnce bool) *model {
	return &model{user: webinar.UserID(user), clock: c, appliedOnce: appliedOnce, latest: map[webinar.ID]latestResponse{}}
}

// send records an attempt. The caller sends the request afterwards.
func (m *model) send(req request) *attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sentCount++
	a := &attempt{request: req, n: m.sentCount, sent: time.Now()}
	if req.changes() || req.route == readSession {
		m.attempts = append(m.attempts, a)
	} else {
		m.untrackedSent(a)
	}
	return a
}

// recordNoResponse records that an attempt ended without a response. The request may
// have been applied, or may be applied later, or never.
func (m *model) recordNoResponse(a *attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.ended = time.Now(); a.route == readSession {
		m.remove(a) // a read has no effect
	}
}

// discard removes an attempt that has not reached the service.
func (m *model) discard(a *attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(a)
}

func (m *model) remove(a *attempt) {
	m.attempts = slices.DeleteFunc(m.attempts, func(o *attempt) bool { return o == a })
}

// unansweredCount returns how many unanswered attempts may still be applied.
func (m *model) unansweredCount() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range slices.Backward(m.attempts) {
		if time.Since(a.sent) > 2*lateness {
			break
		}
		if a.unanswered() && !a.ended.IsZero() && time.Since(a.ended) < lateness {
			n++
		}
	}
	return n
}

func (m *model) recordResponse(a *attempt, r *response) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a.ended, a.response = time.Now(), r
	if !a.changes() && a.route != readSession {
		m.untrackedAnswered(a, r)
		return
	}
	m.checkMonotonic(a, r)
}

// latestResponse is the latest response about a session.
type latestResponse struct {
	response
	at time.Time
}

// checkMonotonic compares the values that never decrease, and the times that never
// change, with those of the previous response.
func (m *model) checkMonotonic(a *attempt, r *response) {
	if r.status >= http.StatusMultipleChoices || r.SessionID == "" {
		return
	}
	was, known := m.latest[r.WebinarID]
	if known && !a.sent.After(was.at) {
		return // they were in flight at the same time
	}
	isKept := func(was, is *time.Time) bool { return was == nil || is != nil && is.Equal(*was) }
	if known && (r.SessionID != was.SessionID || r.Percent < was.Percent || was.Completed && !r.Completed || r.Furthest < was.Furthest ||
		timeOf(r.LastSeenAt).Before(timeOf(was.LastSeenAt)) || !isKept(was.StartedAt, r.StartedAt) || !isKept(was.CTAClickedAt, r.CTAClickedAt)) {
		m.failures = append(m.failures, fmt.Sprintf("user %d: %v came after %v", m.user, r, &was.response))
	}
	m.latest[r.WebinarID] = latestResponse{response: *r, at: a.ended}
}

// latestOf returns the latest response about a webinar.
func (m *model) latestOf(id webinar.ID) (latestResponse, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, known := m.latest[id]
	if !known {
		v.LastSeenAt = new(time.Now())
	}
	return v, known
}

func (m *model) addFailure(failure string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures = append(m.failures, failure)
}

// untrackedRequest is an evaluation or a form, which lead to an event but do not
// change the state.
type untrackedRequest struct {
	request
	user     webinar.UserID
	attempts int
	sent     time.Time // the first attempt
	acked    time.Time // zero if it is not
	attended bool      // according to the response to an evaluation
}

func (m *model) untrackedSent(a *attempt) {
	if a.id != uuid.Nil {
		if u := m.untrackedOf(a); u != nil {
			u.attempts++
			return
		}
	}
	m.untracked = append(m.untracked, &untrackedRequest{request: a.request, user: m.user, attempts: 1, sent: a.sent})
}

// untrackedOf returns the request of an attempt. Attempts without an id are
// requests of their own.
func (m *model) untrackedOf(a *attempt) *untrackedRequest {
	for _, u := range slices.Backward(m.untracked) {
		if u.route == a.route && u.id == a.id && (a.id != uuid.Nil || u.sent.Equal(a.sent)) {
			return u
		}
	}
	return nil
}

func (m *model) untrackedAnswered(a *attempt, r *response) {
	u := m.untrackedOf(a)
	evaluated := a.route == attendance && r.status == http.StatusOK && len(r.Results) == 1
	switch {
	case a.route == form && r.status == http.StatusOK:
		u.acked = a.ended
		return
	case evaluated && r.Results[0].Result == "classified" && r.Results[0].Attended != nil:
		u.id, u.acked, u.attended = r.EvaluationID, a.ended, *r.Results[0].Attended
		return
	}
	rejected := evaluated && r.Results[0].Result == "not_entered" ||
		a.route == form && (r.status == http.StatusNotFound || r.status == http.StatusConflict)
	// A session id comes from an earlier response; a webinar id may not.
	v, entered := m.latest[a.webinar]
	isEntered := a.session != "" || entered && v.at.Before(a.sent)
	switch {
	case !rejected:
		m.failures = append(m.failures, fmt.Sprintf("user %d: %s returned %v", m.user, a.route, r))
	case isEntered:
		m.failures = append(m.failures, fmt.Sprintf("user %d: %s of %s%s was rejected after the entry: %v", m.user, a.route, a.webinar, a.session, r))
	}
}
