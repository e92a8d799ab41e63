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
	wish
	n    int
	sent time.Time
	over time.Time // when the answer came, or was given up; zero: in flight
	got  *reply    // nil: nobody knows what became of it
}

// lost: nobody was told what became of it.
func (a *attempt) lost() bool { return a.got == nil }

// model is what one viewer has sent and was told. It is safe for several devices.
type model struct {
	user  webinar.UserID
	clock *clock
	calm  bool // nothing is applied twice

	mu    sync.Mutex
	made  int
	log   []*attempt // those that reached the service, as far as is known
	sides []*side
	views map[webinar.ID]view // the latest answers
	wrong []string            // what must not be, whatever else there is
}

func newModel(user uint64, c *clock, calm bool) *model {
	return &model{user: webinar.UserID(user), clock: c, calm: calm, views: map[webinar.ID]view{}}
}

// send notes that a wish goes out.
func (m *model) send(w wish) *attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made++
	a := &attempt{wish: w, n: m.made, sent: time.Now()}
	if w.changes() || w.deed == look {
		m.log = append(m.log, a)
	} else {
		m.sideSent(a)
	}
	return a
}

// lose notes that the answer to an attempt was given up: it may have been
// applied, or be applied still, or not.
func (m *model) lose(a *attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.over = time.Now(); a.deed == look {
		m.forget(a) // a read leaves nothing behind
	}
}

// unsend notes that an attempt never reached the service.
func (m *model) unsend(a *attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(a)
}

func (m *model) forget(a *attempt) {
	m.log = slices.DeleteFunc(m.log, func(o *attempt) bool { return o == a })
}

// doubts is how many lost attempts may still be applied.
func (m *model) doubts() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range slices.Backward(m.log) {
		if time.Since(a.sent) > 2*lateness {
			break
		}
		if a.lost() && !a.over.IsZero() && time.Since(a.over) < lateness {
			n++
		}
	}
	return n
}

// answered takes an answer in.
func (m *model) answered(a *attempt, r *reply) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a.over, a.got = time.Now(), r
	if !a.changes() && a.deed != look {
		m.sideAnswered(a, r)
		return
	}
	m.see(a, r)
}

// view is what the viewer was told of a session.
type view struct {
	reply
	at time.Time
}

// see compares an answer with the one before it, by no rule but that these
// things never go back.
func (m *model) see(a *attempt, r *reply) {
	if r.status >= http.StatusMultipleChoices || r.SessionID == "" {
		return
	}
	was, known := m.views[r.WebinarID]
	if known && !a.sent.After(was.at) {
		return // they were under way together
	}
	firsts := func(was, is *time.Time) bool { return was == nil || is != nil && is.Equal(*was) }
	if known && (r.SessionID != was.SessionID || r.Percent < was.Percent || was.Completed && !r.Completed || r.Furthest < was.Furthest ||
		timeOf(r.LastSeenAt).Before(timeOf(was.LastSeenAt)) || !firsts(was.StartedAt, r.StartedAt) || !firsts(was.CTAClickedAt, r.CTAClickedAt)) {
		m.wrong = append(m.wrong, fmt.Sprintf("user %d: %v came after %v", m.user, r, &was.reply))
	}
	m.views[r.WebinarID] = view{reply: *r, at: a.over}
}

// told is the latest answer about a webinar.
func (m *model) told(id webinar.ID) (view, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, known := m.views[id]
	if !known {
		v.LastSeenAt = new(time.Now())
	}
	return v, known
}

func (m *model) note(wrong string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong = append(m.wrong, wrong)
}

// side is an evaluation or a form: an event without a state.
type side struct {
	wish
	user     webinar.UserID
	tries    int
	sent     time.Time // first
	acked    time.Time // zero: not
	attended bool      // as the answer to an evaluation says
}

func (m *model) sideSent(a *attempt) {
	if a.id != uuid.Nil {
		if s := m.side(a); s != nil {
			s.tries++
			return
		}
	}
	m.sides = append(m.sides, &side{wish: a.wish, user: m.user, tries: 1, sent: a.sent})
}

// side is the side of an attempt. One that named no id has its own.
func (m *model) side(a *attempt) *side {
	for _, s := range slices.Backward(m.sides) {
		if s.deed == a.deed && s.id == a.id && (a.id != uuid.Nil || s.sent.Equal(a.sent)) {
			return s
		}
	}
	return nil
}

func (m *model) sideAnswered(a *attempt, r *reply) {
	s := m.side(a)
	evaluated := a.deed == attendance && r.status == http.StatusOK && len(r.Results) == 1
	switch {
	case a.deed == form && r.status == http.StatusOK:
		s.acked = a.over
		return
	case evaluated && r.Results[0].Result == "classified" && r.Results[0].Attended != nil:
		s.id, s.acked, s.attended = r.EvaluationID, a.over, *r.Results[0].Attended
		return
	}
	refused := evaluated && r.Results[0].Result == "not_entered" ||
		a.deed == form && (r.status == http.StatusNotFound || r.status == http.StatusConflict)
	// Who names a session was told of it; who names a webinar may have been.
	v, entered := m.views[a.webinar]
	told := a.session != "" || entered && v.at.Before(a.sent)
	switch {
	case !refused:
		m.wrong = append(m.wrong, fmt.Sprintf("user %d: %s was answered %v", m.user, a.deed, r))
	case told:
		m.wrong = append(m.wrong, fmt.Sprintf("user %d: %s of %s%s was refused, but they have entered: %v", m.user, a.deed, a.webinar, a.session, r))
	}
}
