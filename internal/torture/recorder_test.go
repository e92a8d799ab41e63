package torture

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"autowebinar/internal/servicetest"
)

// behaviour answers a delivery. w is an *answer: a status of 2xx means that the
// sink has taken the event; take says so without any status. An answer that is
// not written becomes a 204. Where there are several behaviours the latest comes
// first; those behind it are for deliveries that it says nothing to.
type behaviour func(w http.ResponseWriter, r *http.Request)

// received is what the sink knows of one webhook id.
type received struct {
	user    uint64
	body    []byte    // of the first delivery
	bodies  [][]byte  // all that are different
	arrived time.Time // of the first delivery
	order   int       // place among all first acceptances, from 1; 0: never taken
	times   int       // deliveries
	taken   int       // deliveries that were taken
}

// recorder is a sink that writes down what it gets and what it says.
type recorder struct {
	URL string

	verifier *standardwebhooks.Webhook

	mu         sync.Mutex
	behaviours []*behaviour // the latest first
	byID       map[string]*received
	taken      int // ids
	deliveries int
	underWay   map[uint64]*answer // by user: the latest, forms aside

	// What no sink should ever see.
	forged   int // signatures that are not right
	altered  int // ids with more than one body
	overlaps int // two deliveries of one viewer at the same time
}

func newRecorder(t testing.TB) *recorder {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(servicetest.WebhookSecret)
	require.NoError(t, err)
	s := &recorder{verifier: verifier, byID: map[string]*received{}, underWay: map[uint64]*answer{}}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s.URL = server.URL + "/events"
	return s
}

// behaves says what the sink does until stop is called.
func (s *recorder) behaves(b behaviour) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviours = append([]*behaviour{&b}, s.behaviours...)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.behaviours = slices.DeleteFunc(slices.Clone(s.behaviours), func(o *behaviour) bool { return o == &b })
	}
}

func (s *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender broke off: nothing was delivered
	}
	a := &answer{
		ResponseWriter: w, sink: s, ctx: r.Context(), over: make(chan struct{}),
		form: bytes.HasPrefix(body, []byte(`{"type":"client_webinar_form_submitted"`)),
	}
	a.user, _ = strconv.ParseUint(r.Header.Get("autowebinar-user"), 10, 64)
	behaviours := s.arrives(a, r, body)
	defer a.finish()
	for _, b := range behaviours {
		if !a.said {
			(*b)(a, r)
		}
	}
	if !a.said {
		a.WriteHeader(http.StatusNoContent)
	}
}

// count is how many ids were taken.
func (s *recorder) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// arrives writes a delivery down, and says how the sink behaves.
func (s *recorder) arrives(a *answer, r *http.Request, body []byte) []*behaviour {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries++
	if s.verifier.VerifyIgnoringTimestamp(body, r.Header) != nil {
		s.forged++
	}
	id := r.Header.Get("webhook-id")
	entry := s.byID[id]
	if entry == nil {
		entry = &received{user: a.user, body: body, arrived: now}
		s.byID[id] = entry
	}
	if !slices.ContainsFunc(entry.bodies, func(other []byte) bool { return bytes.Equal(other, body) }) {
		entry.bodies = append(entry.bodies, body)
		if len(entry.bodies) == 2 {
			s.altered++
		}
	}
	entry.times++
	a.entry = entry
	if a.form {
		return s.behaviours
	}
	if before := s.underWay[a.user]; before != nil && !before.isOver() {
		go s.judgeOverlap(before)
	}
	s.underWay[a.user] = a
	return s.behaviours
}

// judgeOverlap gives the end of a connection a moment to be noticed.
func (s *recorder) judgeOverlap(before *answer) {
	select {
	case <-before.over:
	case <-before.ctx.Done():
	case <-time.After(200 * time.Millisecond):
		s.mu.Lock()
		s.overlaps++
		s.mu.Unlock()
	}
}

// answer is what the sink says to one delivery.
type answer struct {
	http.ResponseWriter
	sink  *recorder
	ctx   context.Context
	entry *received
	user  uint64
	form  bool // from whoever was asked, not from the leader
	said  bool
	once  sync.Once
	over  chan struct{} // closed when nothing more comes of the delivery
}

// take notes that the sink has the event, whatever the sender hears.
func (a *answer) take() {
	s := a.sink
	s.mu.Lock()
	defer s.mu.Unlock()
	a.entry.taken++
	if a.entry.order == 0 {
		s.taken++
		a.entry.order = s.taken
	}
}

// finish comes before the answer is out: the sender may be quicker than we are.
func (a *answer) finish() { a.once.Do(func() { close(a.over) }) }

func (a *answer) isOver() bool {
	select {
	case <-a.over:
		return true
	case <-a.ctx.Done():
		return true
	default:
		return false
	}
}

func (a *answer) WriteHeader(status int) {
	if !a.said && status >= 200 {
		a.said = true
		if status < 300 {
			a.take()
		}
		a.finish()
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(content []byte) (int, error) {
	if !a.said {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(content)
}

// Hijack hands over the connection, for answers that are no HTTP.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.said = true
	a.finish()
	return a.ResponseWriter.(http.Hijacker).Hijack()
}
