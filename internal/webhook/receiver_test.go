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

// delivery is one request as the sink saw it.
type delivery struct {
	at       time.Time
	user     webinar.UserID
	id       string
	status   int // what was answered; 0: nothing
	parallel int // requests in flight, this one included
	body     string
}

// reply is what the sink does with a request. err: the connection breaks.
type reply struct {
	status     int
	retryAfter string
	err        error
	delay      time.Duration
	then       func() // just before the answer is read
}

// receiver is the sink, in place of the network.
type receiver struct {
	answer func(d delivery) reply

	mu       sync.Mutex
	inFlight int
	got      []delivery
}

func (s *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	user, _ := strconv.ParseUint(req.Header.Get(webhook.HeaderUser), 10, 64)
	s.mu.Lock()
	s.inFlight++
	d := delivery{at: time.Now(), user: webinar.UserID(user), id: req.Header.Get(webhook.HeaderID), parallel: s.inFlight, body: string(body)}
	r := s.answer(d)
	s.mu.Unlock()

	select {
	case <-time.After(r.delay):
		err = r.err
	case <-req.Context().Done():
		err = req.Context().Err()
	}

	if r.then != nil {
		r.then()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	if err != nil {
		s.got = append(s.got, d)
		return nil, err
	}
	d.status = r.status
	s.got = append(s.got, d)
	resp := &http.Response{StatusCode: r.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("ok")), Request: req}
	if r.retryAfter != "" {
		resp.Header.Set("Retry-After", r.retryAfter)
	}
	return resp, nil
}

// seen is what the sink got so far, in the order of its answers.
func (s *receiver) seen() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivery(nil), s.got...)
}

// accepted is the deliveries that were accepted, without repeats.
func (s *receiver) accepted() (list []delivery) {
	known := map[string]bool{}
	for _, d := range s.seen() {
		if d.status/100 == 2 && !known[d.id] {
			known[d.id] = true
			list = append(list, d)
		}
	}
	return list
}

// answering changes what the sink does from now on.
func (s *receiver) answering(answer func(d delivery) reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func always(r reply) func(delivery) reply { return func(delivery) reply { return r } }
