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
type responder func(w http.ResponseWriter, r *http.Request)

// received is what the sink knows of one webhook id.
type receivedEvent struct {
	user       uint64
	body       []byte    // of the first delivery
	bodies     [][]byte  // all that are different
	arrived    time.Time // of the first delivery
	order      int       // place among all first acceptances, from 1; 0: never taken
	deliveries int       // deliveries
	accepted   int       // deliveries that were taken
}

// recorder is a sink that writes down what it gets and what it says.
type receiver struct {
	URL string

	verifier *standardwebhooks.Webhook

	mu         sync.Mutex
	responders []*responder // the latest first
	byID       map[string]*receivedEvent
	accepted   int // ids
	deliveries int
	inFlight   map[uint64]*delivery // by user: the latest, forms aside

	// What no sink should ever see.
	forged   int // signatures that are not right
	altered  int // ids with more than one body
	overlaps int // two deliveries of one viewer at the same time
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(servicetest.WebhookSecret)
	require.NoError(t, err)
	s := &receiver{verifier: verifier, byID: map[string]*receivedEvent{}, inFlight: map[uint64]*delivery{}}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s.URL = server.URL + "/events"
	return s
}

// behaves says what the sink does until stop is called.
func (s *receiver) respondWith(b responder) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.responders = append([]*responder{&b}, s.responders...)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.responders = slices.DeleteFunc(slices.Clone(s.responders), func(o *responder) bool { return o == &b })
	}
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender broke off: nothing was delivered
	}
	a := &delivery{
		ResponseWriter: w, receiver: s, ctx: r.Context(), done: make(chan struct{}),
		form: bytes.HasPrefix(body, []byte(`{"type":"client_webinar_form_submitted"`)),
	}
	a.user, _ = strconv.ParseUint(r.Header.Get("autowebinar-user"), 10, 64)
	behaviours := s.record(a, r, body)
	defer a.finish()
	for _, b := range behaviours {
		if !a.responded {
			(*b)(a, r)
		}
	}
	if !a.responded {
		a.WriteHeader(http.StatusNoContent)
	}
}

// count is how many ids were taken.
func (s *receiver) acceptedCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// arrives writes a delivery down, and says how the sink behaves.
func (s *receiver) record(a *delivery, r *http.Request, body []byte) []*responder {
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
		entry = &receivedEvent{user: a.user, body: body, arrived: now}
		s.byID[id] = entry
	}
	if !slices.ContainsFunc(entry.bodies, func(other []byte) bool { return bytes.Equal(other, body) }) {
		entry.bodies = append(entry.bodies, body)
		if len(entry.bodies) == 2 {
			s.altered++
		}
	}
	entry.deliveries++
	a.event = entry
	if a.form {
		return s.responders
	}
	if before := s.inFlight[a.user]; before != nil && !before.isDone() {
		go s.checkOverlap(before)
	}
	s.inFlight[a.user] = a
	return s.responders
}

// judgeOverlap gives the end of a connection a moment to be noticed.
func (s *receiver) checkOverlap(before *delivery) {
	select {
	case <-before.done:
	case <-before.ctx.Done():
	case <-time.After(200 * time.Millisecond):
		s.mu.Lock()
		s.overlaps++
		s.mu.Unlock()
	}
}

// answer is what the sink says to one delivery.
type delivery struct {
	http.ResponseWriter
	receiver  *receiver
	ctx       context.Context
	event     *receivedEvent
	user      uint64
	form      bool // from whoever was asked, not from the leader
	responded bool
	once      sync.Once
	done      chan struct{} // closed when nothing more comes of the delivery
}

// take notes that the sink has the event, whatever the sender hears.
func (a *delivery) accept() {
	s := a.receiver
	s.mu.Lock()
	defer s.mu.Unlock()
	a.event.accepted++
	if a.event.order == 0 {
		s.accepted++
		a.event.order = s.accepted
	}
}

// finish comes before the answer is out: the sender may be quicker than we are.
func (a *delivery) finish() { a.once.Do(func() { close(a.done) }) }

func (a *delivery) isDone() bool {
	select {
	case <-a.done:
		return true
	case <-a.ctx.Done():
		return true
	default:
		return false
	}
}

func (a *delivery) WriteHeader(status int) {
	if !a.responded && status >= 200 {
		a.responded = true
		if status < 300 {
			a.accept()
		}
		a.finish()
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *delivery) Write(content []byte) (int, error) {
	if !a.responded {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(content)
}

// Hijack hands over the connection, for answers that are no HTTP.
func (a *delivery) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.responded = true
	a.finish()
	return a.ResponseWriter.(http.Hijacker).Hijack()
}
