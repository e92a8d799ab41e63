package webhook_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webhook"
)

func TestAttemptWithCanceledContextIsCanceled(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	assert.Equal(t, webhook.Canceled, newSender(t, server.URL).Send(ctx, event(1, 1), []byte("{}")).Outcome)
}

// slowBody responds with a status immediately, then with a byte every 600 ms.
type slowBody struct{ ctx context.Context }

func (s slowBody) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(slowBody{req.Context()}), Request: req}, nil
}

func (s slowBody) Read(p []byte) (int, error) {
	select {
	case <-time.After(600 * time.Millisecond):
		return 1, nil
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

func TestAttemptTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		send := func(transport http.RoundTripper) webhook.AttemptResult {
			cfg := webhook.SenderConfig{URL: &url.URL{Scheme: "http", Host: "receiver.test"}, Signer: webhook.NewSigner(), Transport: transport}
			return webhook.NewSender(cfg).Send(t.Context(), event(1, 1), []byte("{}"))
		}
		silent := send(&receiver{respond: always(reply{delay: time.Hour})})
		assert.Equal(t, webhook.Unavailable, silent.Outcome)
		assert.Equal(t, 15*time.Second, silent.Duration)
		assert.ErrorContains(t, silent.Err, "no response within 15s")

		slow := send(slowBody{})
		assert.Equal(t, webhook.Accepted, slow.Outcome)
		assert.Equal(t, time.Second, slow.Duration, "the rest of the body is not read")
	})
}
