package webhook_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// delivery is a request as recorded by the receiver.
type delivery struct {
	at       time.Time
	user     webinar.UserID
	id       string
	status   int // of the response; 0 without one
	inFlight int // number of requests, including this one
	body     string
}

// reply is how the receiver responds to a request.
type reply struct {
	status     int
	retryAfter string
	err        error // fails the connection instead
	delay      time.Duration
	then       func() // called just before the response is returned
}

// receiver is a transport that plays the remote receiver.
type receiver struct {
	respond func(d delivery) reply

	mu       sync.Mutex
	inFlight int
	received []delivery
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	user, _ := strconv.ParseUint(req.Header.Get(webhook.HeaderUser), 10, 64)
	r.mu.Lock()
	r.inFlight++
	d := delivery{at: time.Now(), user: webinar.UserID(user), id: req.Header.Get(webhook.HeaderID), inFlight: r.inFlight, body: string(body)}
	rep := r.respond(d)
	r.mu.Unlock()

	select {
	case <-time.After(rep.delay):
		err = rep.err
	case <-req.Context().Done():
		err = req.Context().Err()
	}

	if rep.then != nil {
		rep.then()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight--
	if err != nil {
		r.received = append(r.received, d)
		return nil, err
	}
	d.status = rep.status
	r.received = append(r.received, d)
	resp := &http.Response{StatusCode: rep.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("ok")), Request: req}
	if rep.retryAfter != "" {
		resp.Header.Set("Retry-After", rep.retryAfter)
	}
	return resp, nil
}

// deliveries returns all requests so far, in the order of their responses.
func (r *receiver) deliveries() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivery(nil), r.received...)
}

// accepted returns the deliveries that were accepted, without duplicates.
func (r *receiver) accepted() (list []delivery) {
	known := map[string]bool{}
	for _, d := range r.deliveries() {
		if d.status/100 == 2 && !known[d.id] {
			known[d.id] = true
			list = append(list, d)
		}
	}
	return list
}

// setResponse changes the response to requests from now on.
func (r *receiver) setResponse(respond func(d delivery) reply) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.respond = respond
}

func always(r reply) func(delivery) reply { return func(delivery) reply { return r } }

// failUpTo returns the failure for viewers 1 to last, and 200 for the others.
func failUpTo(last webinar.UserID, failure reply) func(delivery) reply {
	return func(d delivery) reply {
		if d.user <= last {
			return failure
		}
		return reply{status: 200, delay: 10 * time.Millisecond}
	}
}
