package webhook_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

func form() webinar.Event {
	e := event(7, 1)
	e.Type, e.FormID, e.FormPayload = webinar.EventFormSubmitted, "feedback", json.RawMessage(`{"comment":"confidential"}`)
	return e
}

func newForms(r *receiver, log *logBuffer) *webhook.Forms {
	return webhook.NewForms(webhook.NewSender(webhook.SenderConfig{
		URL: &url.URL{Scheme: "http", Host: "receiver.test"}, Signer: webhook.NewSigner([]byte("key")), Transport: r,
	}), slog.New(slog.NewJSONHandler(log, nil)))
}

func TestFormErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply      reply
		want       error
		retryAfter time.Duration
	}{
		"accepted":             {reply: reply{status: 200}},
		"accepted, no content": {reply: reply{status: 204}},
		"invalid":              {reply: reply{status: 422}, want: webhook.ErrFormRefused, retryAfter: 10 * time.Second},
		"bad request":          {reply: reply{status: 400}, want: webhook.ErrFormRefused, retryAfter: 10 * time.Second},
		"unauthorized":         {reply: reply{status: 401}, want: webhook.ErrReceiverUnavailable, retryAfter: 10 * time.Second},
		"forbidden":            {reply: reply{status: 403}, want: webhook.ErrReceiverUnavailable, retryAfter: 10 * time.Second},
		"not found":            {reply: reply{status: 404}, want: webhook.ErrReceiverUnavailable, retryAfter: 10 * time.Second},
		"gone":                 {reply: reply{status: 410}, want: webhook.ErrReceiverUnavailable, retryAfter: 10 * time.Second},
		"request time-out":     {reply: reply{status: 408}, want: webhook.ErrReceiverUnavailable, retryAfter: 10 * time.Second},
		"too many requests":    {reply: reply{status: 429, retryAfter: "33"}, want: webhook.ErrReceiverUnavailable, retryAfter: 33 * time.Second},
		"redirect":             {reply: reply{status: 302}, want: webhook.ErrReceiverUnavailable, retryAfter: 10 * time.Second},
		"server error":         {reply: reply{status: 503}, want: webhook.ErrReceiverUnavailable, retryAfter: 10 * time.Second},
		"connection refused":   {reply: reply{err: errRefused}, want: webhook.ErrReceiverUnavailable, retryAfter: 10 * time.Second},
		"no response":          {reply: reply{delay: time.Hour}, want: webhook.ErrReceiverUnavailable, retryAfter: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, log, start := &receiver{respond: always(c.reply)}, &logBuffer{}, time.Now()
				err := newForms(r, log).Submit(t.Context(), form(), "lead-7")
				if c.want == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, c.want)
					assert.Equal(t, c.retryAfter, webhook.RetryAfter(err))
				}
				assert.LessOrEqual(t, time.Since(start), 8*time.Second)
				require.Len(t, r.deliveries(), 1, "one attempt only")
				assert.Equal(t, form().ID.String(), r.deliveries()[0].id)

				require.Len(t, log.lines("webhook_id"), 1)
				assert.NotContains(t, log.buf.String(), "confidential")
				assert.NotContains(t, log.buf.String(), "lead-7")
			})
		})
	}
}

func TestFormWithoutLeadIDIsNotSent(t *testing.T) {
	t.Parallel()
	r := &receiver{respond: always(reply{status: 200})}
	err := newForms(r, &logBuffer{}).Submit(t.Context(), form(), "")
	require.ErrorIs(t, err, webhook.ErrNoLead)
	assert.Empty(t, r.deliveries())
}

func TestFormEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := newForms(&receiver{respond: always(reply{delay: time.Hour})}, &logBuffer{}).Submit(ctx, form(), "7")
		require.ErrorIs(t, err, webhook.ErrReceiverUnavailable)
	})
}
