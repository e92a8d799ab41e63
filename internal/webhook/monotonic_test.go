package webhook_test

import (
	"context"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webhook"
)

// recordingQueue records the times for which attempts are scheduled.
type recordingQueue struct {
	*queue
	scheduled chan time.Time
}

func (q recordingQueue) Reschedule(ctx context.Context, v outbox.ViewerQueue) error {
	q.scheduled <- v.Messages[0].NextAttempt
	return q.queue.Reschedule(ctx, v)
}

// If the wall clock falls back by an hour, an attempt must not be an hour late.
func TestScheduleUsesTheMonotonicClock(t *testing.T) {
	t.Parallel()
	f := newFixture(t, webhook.Config{}) // without synctest, whose clock has no monotonic reading
	q := recordingQueue{queue: f.queue, scheduled: make(chan time.Time, 10)}
	f.dispatcher = webhook.New(webhook.Config{Queue: q, Sender: webhook.NewSender(webhook.SenderConfig{
		URL: &url.URL{Scheme: "http", Host: "receiver.test"}, Signer: webhook.NewSigner(keysOf(t, secret)...), Transport: f.receiver,
	}), Log: slog.New(slog.DiscardHandler)})
	f.receiver.setResponse(always(reply{status: 500}))
	f.queue.insert(event(1, 1))
	f.start()
	next := <-q.scheduled
	_ = f.stop()
	assert.NotEqual(t, next.Round(0).String(), next.String(), "without a monotonic reading")
}
