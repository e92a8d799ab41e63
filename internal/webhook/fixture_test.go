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

// fixture is a dispatcher with a fake queue and a fake receiver.
type fixture struct {
	*testing.T
	queue      *queue
	receiver   *receiver
	log        *logBuffer
	dispatcher *webhook.Dispatcher
	stop       func() error // set while the dispatcher runs
	created    time.Time
}

// withFixture runs a test under a fake clock. The test starts the dispatcher;
// withFixture stops it.
func withFixture(t *testing.T, cfg webhook.Config, test func(*fixture)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, cfg)
		test(f)
		if f.stop != nil {
			_ = f.stop()
		}
	})
}

func newFixture(t *testing.T, cfg webhook.Config) *fixture {
	f := &fixture{T: t, queue: newQueue(), receiver: &receiver{respond: always(reply{status: 200})}, log: &logBuffer{}, created: time.Now()}
	cfg.Queue, cfg.Log = f.queue, slog.New(slog.NewJSONHandler(f.log, nil))
	cfg.Sender = webhook.NewSender(webhook.SenderConfig{
		URL: &url.URL{Scheme: "http", Host: "receiver.test", Path: "/hook"}, Signer: webhook.NewSigner(keysOf(t, secret)...), Transport: f.receiver,
	})
	if cfg.Retry.Random == nil {
		cfg.Retry.Random = noJitter
	}
	f.dispatcher = webhook.New(cfg)
	return f
}

// start runs the dispatcher until f.stop is called.
func (f *fixture) start() {
	ctx, cancel := context.WithCancel(f.Context())
	done := make(chan error, 1)
	go func() { done <- f.dispatcher.Run(ctx) }()
	f.stop = func() error {
		cancel()
		f.stop = nil
		return <-done
	}
}

// advance advances the fake clock and waits until all goroutines are blocked.
func (f *fixture) advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// event returns the nth event of a viewer. Later events have higher numbers.
func event(user webinar.UserID, n int) webinar.Event {
	return webinar.Event{
		ID: webinar.EventID(webinar.EventLeft, user, strconv.Itoa(n)), Type: webinar.EventLeft, User: user,
		At: time.Unix(1763719200+int64(n), 0).UTC(), Webinar: "intro", WebinarType: webinar.Auto, Session: "s-1", LeaveReason: webinar.UserExit,
	}
}

// insertForUsers inserts one event for each of the viewers 1 to n.
func (f *fixture) insertForUsers(n int) {
	for user := 1; user <= n; user++ {
		f.queue.insert(event(webinar.UserID(user), 1))
	}
}

func users(list []delivery) (ids []int) {
	for _, d := range list {
		ids = append(ids, int(d.user))
	}
	return ids
}

func ids(list []delivery) (all []string) {
	for _, d := range list {
		all = append(all, d.id)
	}
	return all
}

// forUser returns the deliveries of one viewer.
func forUser(user webinar.UserID, list []delivery) (matching []delivery) {
	for _, d := range list {
		if d.user == user {
			matching = append(matching, d)
		}
	}
	return matching
}

// offsets returns the times of deliveries since the fixture was created, in
// seconds.
func (f *fixture) offsets(list []delivery) (seconds []float64) {
	for _, d := range list {
		seconds = append(seconds, d.at.Sub(f.created).Seconds())
	}
	return seconds
}

// assertEmpty asserts that no row is due or deferred.
func (f *fixture) assertEmpty() {
	f.Helper()
	assert.Zero(f, f.queue.count(due), "due rows")
	assert.Zero(f, f.queue.count(deferred), "deferred rows")
}
