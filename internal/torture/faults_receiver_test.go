package torture

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"
)

func receiverFaults() []fault {
	faults := []fault{
		{name: "the receiver redirects", inject: redirect},
		{name: "the receiver does not respond", inject: respondNever},
		{name: "the receiver responds at random", inject: respondRandomly},
		{name: "the receiver responds with 429", inject: func(ctx context.Context, r *rig) bool {
			return r.respondFor(ctx, tooManyRequests(r), 500*time.Millisecond, 1500*time.Millisecond)
		}},
	}
	for _, e := range []struct {
		name    string
		respond responder
	}{
		{"the receiver responds with 500", status(http.StatusInternalServerError)},
		{"the receiver responds with 410", status(http.StatusGone)},
		{"the receiver closes connections", writeAndClose("")},
		{"the receiver closes within the header", writeAndClose("HTTP/1.1 200 OK\r\nContent-Len")},
		{"the receiver does not speak HTTP", writeAndClose("220 mail.example.test ESMTP\r\n" + strings.Repeat("\x00garbage\xff", 100))},
		{"the receiver accepts events and closes", acceptAndClose},
		{"the receiver accepts events and closes within the body", acceptPartially},
		{"the receiver accepts events with an endless body", endless(http.StatusOK)},
		{"the receiver rejects events with an endless body", endless(http.StatusServiceUnavailable)},
		{"the receiver is slow", respondLate},
		{"the receiver rejects the events of some viewers", rejectSome},
	} {
		faults = append(faults, fault{name: e.name, inject: func(ctx context.Context, r *rig) bool {
			return r.respondFor(ctx, e.respond, 500*time.Millisecond, 1500*time.Millisecond)
		}})
	}
	return faults
}

// respondFor sets a responder for a while, and reports whether a delivery arrived.
func (r *rig) respondFor(ctx context.Context, respond responder, shortest, longest time.Duration) bool {
	var arrived atomic.Bool
	defer r.receiver.respondWith(func(w http.ResponseWriter, req *http.Request) {
		arrived.Store(true)
		respond(w, req)
	})()
	r.pause(ctx, shortest, longest)
	return arrived.Load()
}

// sometimes calls a responder with a probability of 1/share.
func sometimes(r *rig, share int, respond responder) responder {
	return func(w http.ResponseWriter, req *http.Request) {
		if r.random(share) == 0 {
			respond(w, req)
		}
	}
}

// status returns a responder with a status code.
func status(code int) responder {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// tooManyRequests responds with a Retry-After of one second, in either format.
func tooManyRequests(r *rig) responder {
	return func(w http.ResponseWriter, _ *http.Request) {
		after := "1"
		if r.random(2) == 0 {
			after = time.Now().Add(time.Second).UTC().Format(http.TimeFormat)
		}
		w.Header().Set("Retry-After", after)
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// writeAndClose returns a responder that writes a text and closes the connection.
func writeAndClose(text string) responder {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(text))
		conn.Close()
	}
}

// acceptAndClose accepts the event and closes the connection.
func acceptAndClose(w http.ResponseWriter, r *http.Request) {
	w.(*delivery).accept()
	writeAndClose("")(w, r)
}

// acceptPartially accepts the event and closes the connection within the body.
func acceptPartially(w http.ResponseWriter, r *http.Request) {
	w.(*delivery).accept()
	writeAndClose("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nthank y")(w, r)
}

// endless returns a responder whose body does not end.
func endless(code int) responder {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		for r.Context().Err() == nil {
			if _, err := fmt.Fprintln(w, strings.Repeat("and so on, ", 10)); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func respondLate(http.ResponseWriter, *http.Request) { time.Sleep(300 * time.Millisecond) }

// rejectSome rejects the events of every third viewer.
func rejectSome(w http.ResponseWriter, _ *http.Request) {
	switch w.(*delivery).user % 6 {
	case 0:
		w.WriteHeader(http.StatusInternalServerError)
	case 3:
		rejectEvent(w, nil)
	}
}

// rejectEvent rejects an event permanently. It rejects a form temporarily, because the
// service does not send a permanently rejected form again.
func rejectEvent(w http.ResponseWriter, _ *http.Request) {
	if bytes.Contains(w.(*delivery).event.bodies[0], []byte("form_submitted")) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusUnprocessableEntity)
}

// respondNever leaves deliveries without a response until the fault ends.
func respondNever(ctx context.Context, r *rig) bool {
	over, cancel := context.WithCancel(ctx)
	defer cancel()
	return r.respondFor(ctx, func(w http.ResponseWriter, req *http.Request) {
		select {
		case <-over.Done():
		case <-req.Context().Done():
		}
		writeAndClose("")(w, req)
	}, 500*time.Millisecond, 2*time.Second)
}

// redirect redirects the service to another path and to another server, and fails the
// test if the service follows.
func redirect(ctx context.Context, r *rig) bool {
	var followed atomic.Int64
	internal := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer internal.Close()
	arrived := r.respondFor(ctx, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/events" {
			followed.Add(1)
		}
		codes := []int{301, 302, 303, 307, 308}
		code := codes[r.random(len(codes))]
		w.Header().Set("Location", []string{"/elsewhere", internal.URL + "/secret", "//" + internal.Listener.Addr().String()}[r.random(3)])
		w.WriteHeader(code)
	}, 500*time.Millisecond, 1500*time.Millisecond)
	if n := followed.Load(); n > 0 {
		r.Errorf("%d redirects were followed", n)
	}
	return arrived
}

// respondRandomly chooses a response for each delivery.
func respondRandomly(ctx context.Context, r *rig) bool {
	all := []responder{
		func(http.ResponseWriter, *http.Request) {}, status(500), status(503), tooManyRequests(r), status(410), rejectEvent, writeAndClose(""),
		writeAndClose("HTTP/1.0 200"), acceptAndClose, acceptPartially, respondLate, status(204),
	}
	return r.respondFor(ctx, func(w http.ResponseWriter, req *http.Request) { all[r.random(len(all))](w, req) }, time.Second, 2*time.Second)
}
