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

// receiverFaults are what the sink does to the service.
func receiverFaults() []fault {
	faults := []fault{
		{name: "the sink redirects", inject: redirect},
		{name: "the sink falls silent", inject: staySilent},
		{name: "the sink is of many minds", inject: respondRandomly},
		{name: "the sink answers 429", inject: func(ctx context.Context, r *rig) bool {
			return r.respondFor(ctx, tooManyRequests(r), 500*time.Millisecond, 1500*time.Millisecond)
		}},
	}
	for _, e := range []struct {
		name   string
		behave responder
	}{
		{"the sink answers 500", status(http.StatusInternalServerError)},
		{"the sink answers 410", status(http.StatusGone)},
		{"the sink breaks off", writeAndClose("")},
		{"the sink closes half-way", writeAndClose("HTTP/1.1 200 OK\r\nContent-Len")},
		{"the sink speaks no HTTP", writeAndClose("220 mail.example.test ESMTP\r\n" + strings.Repeat("\x00garbage\xff", 100))},
		{"the sink takes events and loses its answer", acceptAndClose},
		{"the sink takes events and closes half-way", acceptPartially},
		{"the sink takes events and never stops talking", endless(http.StatusOK)},
		{"the sink refuses and never stops talking", endless(http.StatusServiceUnavailable)},
		{"the sink is slow", respondLate},
		{"the sink dislikes some viewers", rejectSome},
	} {
		faults = append(faults, fault{name: e.name, inject: func(ctx context.Context, r *rig) bool {
			return r.respondFor(ctx, e.behave, 500*time.Millisecond, 1500*time.Millisecond)
		}})
	}
	return faults
}

// behaving lets the sink behave so for a while, and tells whether anything came.
func (r *rig) respondFor(ctx context.Context, b responder, least, most time.Duration) bool {
	var came atomic.Bool
	defer r.receiver.respondWith(func(w http.ResponseWriter, req *http.Request) {
		came.Store(true)
		b(w, req)
	})()
	r.pause(ctx, least, most)
	return came.Load()
}

// sometimes behaves so one time in share.
func sometimes(r *rig, share int, b responder) responder {
	return func(w http.ResponseWriter, req *http.Request) {
		if r.random(share) == 0 {
			b(w, req)
		}
	}
}

// status answers with a status.
func status(code int) responder {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// tooMany asks for a second, in either way.
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

// brokenOff says so much and closes the connection.
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

// losesAnswers takes the event and says nothing.
func acceptAndClose(w http.ResponseWriter, r *http.Request) {
	w.(*delivery).accept()
	writeAndClose("")(w, r)
}

// takesByHalf says that it has the event, and not much else.
func acceptPartially(w http.ResponseWriter, r *http.Request) {
	w.(*delivery).accept()
	writeAndClose("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nthank y")(w, r)
}

// endless answers and talks on until nobody listens.
func endless(code int) responder {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		for r.Context().Err() == nil {
			if _, err := fmt.Fprintln(w, strings.Repeat("and another thing, ", 10)); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func respondLate(http.ResponseWriter, *http.Request) { time.Sleep(300 * time.Millisecond) }

// dislikesSome refuses the events of every third viewer.
func rejectSome(w http.ResponseWriter, _ *http.Request) {
	switch w.(*delivery).user % 6 {
	case 0:
		w.WriteHeader(http.StatusInternalServerError)
	case 3:
		rejectEvent(w, nil)
	}
}

// unwanted is for the event alone: the sink is well. A form would be refused
// for good.
func rejectEvent(w http.ResponseWriter, _ *http.Request) {
	if bytes.Contains(w.(*delivery).event.bodies[0], []byte("form_submitted")) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusUnprocessableEntity)
}

// silentSink accepts connections and says nothing, until it closes them.
func staySilent(ctx context.Context, r *rig) bool {
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

// redirects sends the service to another path of the sink and to a server that
// only it can reach. It must not go.
func redirect(ctx context.Context, r *rig) bool {
	var followed atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer inside.Close()
	came := r.respondFor(ctx, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/events" {
			followed.Add(1)
		}
		codes := []int{301, 302, 303, 307, 308}
		code := codes[r.random(len(codes))]
		w.Header().Set("Location", []string{"/elsewhere", inside.URL + "/secret", "//" + inside.Listener.Addr().String()}[r.random(3)])
		w.WriteHeader(code)
	}, 500*time.Millisecond, 1500*time.Millisecond)
	if n := followed.Load(); n > 0 {
		r.Errorf("%d redirects were followed", n)
	}
	return came
}

// mixedSink does something else each time.
func respondRandomly(ctx context.Context, r *rig) bool {
	all := []responder{
		func(http.ResponseWriter, *http.Request) {}, status(500), status(503), tooManyRequests(r), status(410), rejectEvent, writeAndClose(""),
		writeAndClose("HTTP/1.0 200"), acceptAndClose, acceptPartially, respondLate, status(204),
	}
	return r.respondFor(ctx, func(w http.ResponseWriter, req *http.Request) { all[r.random(len(all))](w, req) }, time.Second, 2*time.Second)
}
