package webhook_test

import (
	"context"
	"log/slog"
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

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
	keys := keysOf(t, secret)
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
