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

// responder responds to a delivery. w is a *delivery: a status of 2xx accepts the
// event, and accept does so without a status. If several responders are set, the
// latest comes first; the others are called as long as there is no response. If none
// of them responds, the receiver does with 204.
type responder func(w http.ResponseWriter, r *http.Request)

// receivedEvent is what the receiver knows of one webhook id.
type receivedEvent struct {
	user       uint64
	body       []byte    // of the first delivery
	bodies     [][]byte  // all that are different
	arrived    time.Time // of the first delivery
	order      int       // of its first acceptance among those of all events, from 1; 0 if it was never accepted
	deliveries int
	accepted   int // deliveries
}

// receiver records what it receives and how it responds.
type receiver struct {
	URL string

	verifier *standardwebhooks.Webhook

	mu         sync.Mutex
	responders []*responder // the latest first
	byID       map[string]*receivedEvent
	accepted   int // webhook ids
	deliveries int
	inFlight   map[uint64]*delivery // by user: the latest one, without forms

	// What must not happen.
	forged   int // invalid signatures
	altered  int // ids with more than one body
	overlaps int // deliveries to one viewer at the same time
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

// respondWith adds a responder until stop is called.
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
		return // the sender has cancelled the delivery
	}
	a := &delivery{
		ResponseWriter: w, receiver: s, ctx: r.Context(), done: make(chan struct{}),
		form: bytes.HasPrefix(body, []byte(`{"type":"client_webinar_form_submitted"`)),
	}
	a.user, _ = strconv.ParseUint(r.Header.Get("autowebinar-user"), 10, 64)
	responders := s.record(a, r, body)
	defer a.finish()
	for _, b := range responders {
		if !a.responded {
			(*b)(a, r)
		}
	}
	if !a.responded {
		a.WriteHeader(http.StatusNoContent)
	}
}

// acceptedCount returns how many webhook ids were accepted.
func (s *receiver) acceptedCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

func (s *receiver) overlapCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.overlaps
}

// record records a delivery, and returns the responders.
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

// checkOverlap counts an overlap unless the end of the delivery before is noticed
// shortly: its connection may be closed already. It counts its own wake-ups, which
// take longer on a busy machine, as everything else does.
func (s *receiver) checkOverlap(before *delivery) {
	for range 50 {
		select {
		case <-before.done:
			return
		case <-before.ctx.Done():
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overlaps++
}

// delivery is one delivery and the response to it.
type delivery struct {
	http.ResponseWriter
	receiver  *receiver
	ctx       context.Context
	event     *receivedEvent
	user      uint64
	form      bool // not sent by the leader, but by the replica that got the request
	responded bool
	once      sync.Once
	done      chan struct{} // closed when the response is decided
}

// accept records that the receiver has the event, whatever the response is.
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

// finish is called before the response is written: the sender may react to it before
// the write returns.
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

// Hijack returns the connection, for responses that are not HTTP.
func (a *delivery) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.responded = true
	a.finish()
	return a.ResponseWriter.(http.Hijacker).Hijack()
}
