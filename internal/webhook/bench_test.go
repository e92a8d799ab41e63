package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

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

// bench is a dispatcher between a queue and a sink, under a fake clock.
type bench struct {
	*testing.T
	queue *queue
	sink  *receiver
	log   *logBuffer
	d     *webhook.Dispatcher
	stop  func() error
	began time.Time
}

// onBench runs a test in a bubble of fake time. The dispatcher is not running
// yet; it is stopped at the end.
func onBench(t *testing.T, cfg webhook.Config, test func(*bench)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, cfg)
		test(b)
		if b.stop != nil {
			_ = b.stop()
		}
	})
}

func newBench(t *testing.T, cfg webhook.Config) *bench {
	b := &bench{T: t, queue: newQueue(), sink: &receiver{answer: always(reply{status: 200})}, log: &logBuffer{}, began: time.Now()}
	keys, err := webhook.ParseSecrets(secret)
	require.NoError(t, err)
	cfg.Queue, cfg.Log = b.queue, slog.New(slog.NewJSONHandler(b.log, nil))
	cfg.Sender = webhook.NewSender(webhook.SenderConfig{
		URL: &url.URL{Scheme: "http", Host: "sink.test", Path: "/hook"}, Signer: webhook.NewSigner(keys...), Transport: b.sink,
	})
	if cfg.Retry.Random == nil {
		cfg.Retry.Random = func() float64 { return 0.5 } // no jitter
	}
	b.d = webhook.New(cfg)
	return b
}

// run begins a term, which b.stop ends.
func (b *bench) run() {
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- b.d.Run(ctx) }()
	b.stop = func() error {
		cancel()
		b.stop = nil
		return <-done
	}
}

// after lets time pass.
func (b *bench) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// event is the nth event of a viewer; numbers are times, too.
func event(user webinar.UserID, n int) webinar.Event {
	return webinar.Event{
		ID: webinar.EventID(webinar.EventLeft, user, strconv.Itoa(n)), Type: webinar.EventLeft, User: user,
		At: time.Unix(1763719200+int64(n), 0).UTC(), Webinar: "intro", WebinarType: webinar.Auto, Session: "s-1", LeaveReason: webinar.UserExit,
	}
}

// fill inserts one event for each of the viewers 1 to n.
func (b *bench) fill(n int) {
	for user := 1; user <= n; user++ {
		b.queue.insert(event(webinar.UserID(user), 1))
	}
}

func users(list []delivery) (ids []int) {
	for _, d := range list {
		ids = append(ids, int(d.user))
	}
	return ids
}

func of(user webinar.UserID, list []delivery) (some []delivery) {
	for _, d := range list {
		if d.user == user {
			some = append(some, d)
		}
	}
	return some
}

// offsets are the times of deliveries since the bench began, in seconds.
func (b *bench) offsets(list []delivery) (seconds []float64) {
	for _, d := range list {
		seconds = append(seconds, d.at.Sub(b.began).Seconds())
	}
	return seconds
}

// empty asserts that nothing is due or waits.
func (b *bench) empty() {
	b.Helper()
	assert.Zero(b, b.queue.count(due), "due rows")
	assert.Zero(b, b.queue.count(waiting), "waiting rows")
}

// logBuffer collects JSON log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// lines are those with the attribute, or all for "".
func (l *logBuffer) lines(attr string) (found []map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil {
			continue
		}
		if _, ok := fields[attr]; ok || attr == "" {
			found = append(found, fields)
		}
	}
	return found
}

// said is how many lines have the message.
func (l *logBuffer) said(message string) (n int) {
	for _, line := range l.lines("") {
		if line["msg"] == message {
			n++
		}
	}
	return n
}
