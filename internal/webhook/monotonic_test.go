package webhook_test

import (
	"context"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webhook"
)

// planning is a queue that notes the times for which attempts are planned.
type planning struct {
	*queue
	planned chan time.Time
}

func (p planning) Reschedule(ctx context.Context, b usermeta.ViewerQueue) error {
	p.planned <- b.Messages[0].NextAttempt
	return p.queue.Reschedule(ctx, b)
}

// A clock that falls back by an hour must not make an attempt an hour late: the
// plan goes by the monotonic clock, which nothing sets.
func TestPlansDoNotHangOnTheWallClock(t *testing.T) {
	t.Parallel()
	b := newBench(t, webhook.Config{}) // time in a bubble of synctest has no monotonic reading
	p := planning{queue: b.queue, planned: make(chan time.Time, 10)}
	b.d = webhook.New(webhook.Config{Queue: p, Sender: webhook.NewSender(webhook.SenderConfig{
		URL: &url.URL{Scheme: "http", Host: "sink.test"}, Signer: webhook.NewSigner(keysOf(t, secret)...), Transport: b.sink,
	}), Log: slog.New(slog.DiscardHandler)})
	b.sink.answering(always(reply{status: 500}))
	b.queue.insert(event(1, 1))
	b.run()
	next := <-p.planned
	_ = b.stop()
	assert.NotEqual(t, next.Round(0).String(), next.String(), "without a monotonic reading")
}
