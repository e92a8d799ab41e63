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
	e.Type, e.FormID, e.FormPayload = webinar.EventFormSubmitted, "feedback", json.RawMessage(`{"comment":"geheim"}`)
	return e
}

func newForms(sink *receiver, log *logBuffer) *webhook.Forms {
	return webhook.NewForms(webhook.NewSender(webhook.SenderConfig{
		URL: &url.URL{Scheme: "http", Host: "sink.test"}, Signer: webhook.NewSigner([]byte("key")), Transport: sink,
	}), slog.New(slog.NewJSONHandler(log, nil)))
}

func TestFormsAreTakenRefusedOrPutOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply reply
		want  error
		after time.Duration
	}{
		"taken":           {reply: reply{status: 200}},
		"taken, no words": {reply: reply{status: 204}},
		"invalid":         {reply: reply{status: 422}, want: webhook.ErrFormRefused, after: 10 * time.Second},
		"not wanted":      {reply: reply{status: 400}, want: webhook.ErrFormRefused, after: 10 * time.Second},
		"wrong secret":    {reply: reply{status: 401}, want: webhook.ErrReceiverUnavailable, after: 10 * time.Second},
		"forbidden":       {reply: reply{status: 403}, want: webhook.ErrReceiverUnavailable, after: 10 * time.Second},
		"wrong address":   {reply: reply{status: 404}, want: webhook.ErrReceiverUnavailable, after: 10 * time.Second},
		"gone":            {reply: reply{status: 410}, want: webhook.ErrReceiverUnavailable, after: 10 * time.Second},
		"too slow":        {reply: reply{status: 408}, want: webhook.ErrReceiverUnavailable, after: 10 * time.Second},
		"too many":        {reply: reply{status: 429, retryAfter: "33"}, want: webhook.ErrReceiverUnavailable, after: 33 * time.Second},
		"redirect":        {reply: reply{status: 302}, want: webhook.ErrReceiverUnavailable, after: 10 * time.Second},
		"down":            {reply: reply{status: 503}, want: webhook.ErrReceiverUnavailable, after: 10 * time.Second},
		"no connection":   {reply: reply{err: errRefused}, want: webhook.ErrReceiverUnavailable, after: 10 * time.Second},
		"silent":          {reply: reply{delay: time.Hour}, want: webhook.ErrReceiverUnavailable, after: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sink, log, began := &receiver{answer: always(c.reply)}, &logBuffer{}, time.Now()
				err := newForms(sink, log).Submit(t.Context(), form(), "lead-7")
				if c.want == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, c.want)
					assert.Equal(t, c.after, webhook.RetryAfter(err))
				}
				assert.LessOrEqual(t, time.Since(began), 8*time.Second)
				require.Len(t, sink.seen(), 1, "one attempt, no more")
				assert.Equal(t, form().ID.String(), sink.seen()[0].id)

				require.Len(t, log.lines("webhook_id"), 1)
				assert.NotContains(t, log.buf.String(), "geheim")
				assert.NotContains(t, log.buf.String(), "lead-7")
			})
		})
	}
}

func TestAFormWithoutALeadIsNotSent(t *testing.T) {
	t.Parallel()
	sink := &receiver{answer: always(reply{status: 200})}
	err := newForms(sink, &logBuffer{}).Submit(t.Context(), form(), "")
	require.ErrorIs(t, err, webhook.ErrNoLead)
	assert.Empty(t, sink.seen())
}

func TestAViewerWhoGoesAwayEndsTheForm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := newForms(&receiver{answer: always(reply{delay: time.Hour})}, &logBuffer{}).Submit(ctx, form(), "7")
		require.ErrorIs(t, err, webhook.ErrReceiverUnavailable)
	})
}
