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

// responder may respond to a delivery. w is a *delivery: a status of 2xx accepts the
// event, and its method accept does so without a response. Responders are called from
// the latest to the earliest until one responds. If none does, the status is 204.
type responder func(w http.ResponseWriter, r *http.Request)

// receivedEvent contains the deliveries with one webhook id.
type receivedEvent struct {
	user       uint64
	body       []byte    // of the first delivery
	bodies     [][]byte  // distinct ones
	arrived    time.Time // of the first delivery
	order      int       // position among all events by first acceptance, from 1; 0 if never accepted
	deliveries int
	accepted   int // accepted deliveries
}

// receiver records what it receives and how it responds.
type receiver struct {
	URL string

	verifier *standardwebhooks.Webhook

	mu         sync.Mutex
	responders []*responder // the latest first
	byID       map[string]*receivedEvent
	accepted   int // accepted webhook ids
	deliveries int
	inFlight   map[uint64]*delivery // the latest delivery of each user that is not a form

	// Failures.
	forged   int // invalid signatures
	altered  int // ids with more than one body
	overlaps int // deliveries to one viewer at the same time
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(servicetest.WebhookSecret)
	require.NoError(t, err)
	recv := &receiver{verifier: verifier, byID: map[string]*receivedEvent{}, inFlight: map[uint64]*delivery{}}
	server := httptest.NewServer(recv)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	recv.URL = server.URL + "/events"
	return recv
}

// respondWith adds a responder, which stop removes.
func (recv *receiver) respondWith(respond responder) (stop func()) {
	recv.mu.Lock()
	defer recv.mu.Unlock()
	recv.responders = append([]*responder{&respond}, recv.responders...)
	return func() {
		recv.mu.Lock()
		defer recv.mu.Unlock()
		recv.responders = slices.DeleteFunc(slices.Clone(recv.responders), func(o *responder) bool { return o == &respond })
	}
}

func (recv *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender has canceled the delivery
	}
	d := &delivery{
		ResponseWriter: w, receiver: recv, ctx: r.Context(), done: make(chan struct{}),
		form: bytes.HasPrefix(body, []byte(`{"type":"client_webinar_form_submitted"`)),
	}
	d.user, _ = strconv.ParseUint(r.Header.Get("autowebinar-user"), 10, 64)
	responders := recv.record(d, r, body)
	defer d.finish()
	for _, b := range responders {
		if !d.responded {
			(*b)(d, r)
		}
	}
	if !d.responded {
		d.WriteHeader(http.StatusNoContent)
	}
}

// acceptedCount returns how many webhook ids were accepted.
func (recv *receiver) acceptedCount() int {
	recv.mu.Lock()
	defer recv.mu.Unlock()
	return recv.accepted
}

func (recv *receiver) overlapCount() int {
	recv.mu.Lock()
	defer recv.mu.Unlock()
	return recv.overlaps
}

// record records a delivery, and returns the current responders.
func (recv *receiver) record(d *delivery, r *http.Request, body []byte) []*responder {
	now := time.Now()
	recv.mu.Lock()
	defer recv.mu.Unlock()
	recv.deliveries++
	if recv.verifier.VerifyIgnoringTimestamp(body, r.Header) != nil {
		recv.forged++
	}
	id := r.Header.Get("webhook-id")
	entry := recv.byID[id]
	if entry == nil {
		entry = &receivedEvent{user: d.user, body: body, arrived: now}
		recv.byID[id] = entry
	}
	if !slices.ContainsFunc(entry.bodies, func(other []byte) bool { return bytes.Equal(other, body) }) {
		entry.bodies = append(entry.bodies, body)
		if len(entry.bodies) == 2 {
			recv.altered++
		}
	}
	entry.deliveries++
	d.event = entry
	if d.form {
		return recv.responders
	}
	if before := recv.inFlight[d.user]; before != nil && !before.isDone() {
		go recv.checkOverlap(before)
	}
	recv.inFlight[d.user] = d
	return recv.responders
}

// checkOverlap counts an overlap unless the previous delivery ends shortly: the sender
// may have closed its connection without the server having noticed yet. It counts its
// own wake-ups, because these take longer on a busy machine too.
func (recv *receiver) checkOverlap(before *delivery) {
	for range 50 {
		select {
		case <-before.done:
			return
		case <-before.ctx.Done():
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	recv.mu.Lock()
	defer recv.mu.Unlock()
	recv.overlaps++
}

// delivery is one delivery and the response to it.
type delivery struct {
	http.ResponseWriter
	receiver  *receiver
	ctx       context.Context
	event     *receivedEvent
	user      uint64
	form      bool // sent by the replica that got the request, not by the leader
	responded bool
	once      sync.Once
	done      chan struct{} // closed when the response is decided
}

// accept records that the receiver has the event, independently of the response.
func (d *delivery) accept() {
	recv := d.receiver
	recv.mu.Lock()
	defer recv.mu.Unlock()
	d.event.accepted++
	if d.event.order == 0 {
		recv.accepted++
		d.event.order = recv.accepted
	}
}

// finish closes done. It is called before the response is written, because the sender
// may react before the write returns.
func (d *delivery) finish() { d.once.Do(func() { close(d.done) }) }

func (d *delivery) isDone() bool {
	select {
	case <-d.done:
		return true
	case <-d.ctx.Done():
		return true
	default:
		return false
	}
}

func (d *delivery) WriteHeader(status int) {
	if !d.responded && status >= 200 {
		d.responded = true
		if status < 300 {
			d.accept()
		}
		d.finish()
	}
	d.ResponseWriter.WriteHeader(status)
}

func (d *delivery) Write(content []byte) (int, error) {
	if !d.responded {
		d.WriteHeader(http.StatusOK)
	}
	return d.ResponseWriter.Write(content)
}

// Hijack returns the connection, for responses that are not HTTP.
func (d *delivery) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	d.responded = true
	d.finish()
	return d.ResponseWriter.(http.Hijacker).Hijack()
}
