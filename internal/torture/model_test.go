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

// attempt is a wish, sent once.
type attempt struct {
	request
	n        int
	sent     time.Time
	ended    time.Time // when the answer came, or was given up; zero: in flight
	response *response // nil: nobody knows what became of it
}

// lost: nobody was told what became of it.
func (a *attempt) unanswered() bool { return a.response == nil }

// model is what one viewer has sent and was told. It is safe for several devices.
type model struct {
	user        webinar.UserID
	clock       *clock
	appliedOnce bool // nothing is applied twice

	mu        sync.Mutex
	sentCount int
	attempts  []*attempt // those that reached the service, as far as is known
	untracked []*untrackedRequest
	latest    map[webinar.ID]latestResponse // the latest answers
	failures  []string                      // what must not be, whatever else there is
}

func newModel(user uint64, c *clock, calm bool) *model {
	return &model{user: webinar.UserID(user), clock: c, appliedOnce: calm, latest: map[webinar.ID]latestResponse{}}
}

// send notes that a wish goes out.
func (m *model) send(w request) *attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sentCount++
	a := &attempt{request: w, n: m.sentCount, sent: time.Now()}
	if w.changes() || w.route == readSession {
		m.attempts = append(m.attempts, a)
	} else {
		m.untrackedSent(a)
	}
	return a
}

// lose notes that the answer to an attempt was given up: it may have been
// applied, or be applied still, or not.
func (m *model) giveUp(a *attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.ended = time.Now(); a.route == readSession {
		m.remove(a) // a read leaves nothing behind
	}
}

// unsend notes that an attempt never reached the service.
func (m *model) discard(a *attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(a)
}

func (m *model) remove(a *attempt) {
	m.attempts = slices.DeleteFunc(m.attempts, func(o *attempt) bool { return o == a })
}

// doubts is how many lost attempts may still be applied.
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

// answered takes an answer in.
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

// view is what the viewer was told of a session.
type latestResponse struct {
	response
	at time.Time
}

// see compares an answer with the one before it, by no rule but that these
// things never go back.
func (m *model) checkMonotonic(a *attempt, r *response) {
	if r.status >= http.StatusMultipleChoices || r.SessionID == "" {
		return
	}
	was, known := m.latest[r.WebinarID]
	if known && !a.sent.After(was.at) {
		return // they were under way together
	}
	firsts := func(was, is *time.Time) bool { return was == nil || is != nil && is.Equal(*was) }
	if known && (r.SessionID != was.SessionID || r.Percent < was.Percent || was.Completed && !r.Completed || r.Furthest < was.Furthest ||
		timeOf(r.LastSeenAt).Before(timeOf(was.LastSeenAt)) || !firsts(was.StartedAt, r.StartedAt) || !firsts(was.CTAClickedAt, r.CTAClickedAt)) {
		m.failures = append(m.failures, fmt.Sprintf("user %d: %v came after %v", m.user, r, &was.response))
	}
	m.latest[r.WebinarID] = latestResponse{response: *r, at: a.ended}
}

// told is the latest answer about a webinar.
func (m *model) latestOf(id webinar.ID) (latestResponse, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, known := m.latest[id]
	if !known {
		v.LastSeenAt = new(time.Now())
	}
	return v, known
}

func (m *model) addFailure(wrong string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures = append(m.failures, wrong)
}

// side is an evaluation or a form: an event without a state.
type untrackedRequest struct {
	request
	user     webinar.UserID
	attempts int
	sent     time.Time // first
	acked    time.Time // zero: not
	attended bool      // as the answer to an evaluation says
}

func (m *model) untrackedSent(a *attempt) {
	if a.id != uuid.Nil {
		if s := m.untrackedOf(a); s != nil {
			s.attempts++
			return
		}
	}
	m.untracked = append(m.untracked, &untrackedRequest{request: a.request, user: m.user, attempts: 1, sent: a.sent})
}

// side is the side of an attempt. One that named no id has its own.
func (m *model) untrackedOf(a *attempt) *untrackedRequest {
	for _, s := range slices.Backward(m.untracked) {
		if s.route == a.route && s.id == a.id && (a.id != uuid.Nil || s.sent.Equal(a.sent)) {
			return s
		}
	}
	return nil
}

func (m *model) untrackedAnswered(a *attempt, r *response) {
	s := m.untrackedOf(a)
	evaluated := a.route == attendance && r.status == http.StatusOK && len(r.Results) == 1
	switch {
	case a.route == form && r.status == http.StatusOK:
		s.acked = a.ended
		return
	case evaluated && r.Results[0].Result == "classified" && r.Results[0].Attended != nil:
		s.id, s.acked, s.attended = r.EvaluationID, a.ended, *r.Results[0].Attended
		return
	}
	refused := evaluated && r.Results[0].Result == "not_entered" ||
		a.route == form && (r.status == http.StatusNotFound || r.status == http.StatusConflict)
	// Who names a session was told of it; who names a webinar may have been.
	v, entered := m.latest[a.webinar]
	told := a.session != "" || entered && v.at.Before(a.sent)
	switch {
	case !refused:
		m.failures = append(m.failures, fmt.Sprintf("user %d: %s was answered %v", m.user, a.route, r))
	case told:
		m.failures = append(m.failures, fmt.Sprintf("user %d: %s of %s%s was refused, but they have entered: %v", m.user, a.route, a.webinar, a.session, r))
	}
}
