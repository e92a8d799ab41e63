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

func TestOurOwnEndIsNoOutcome(t *testing.T) {
	t.Parallel()
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer sink.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	assert.Equal(t, webhook.Canceled, newSender(t, sink.URL).Send(ctx, event(1, 1), []byte("{}")).Outcome)
}

// slowBody gives a status at once and then a byte a second.
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

func TestTimeOuts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		send := func(sink http.RoundTripper) webhook.AttemptResult {
			cfg := webhook.SenderConfig{URL: &url.URL{Scheme: "http", Host: "sink.test"}, Signer: webhook.NewSigner(), Transport: sink}
			return webhook.NewSender(cfg).Send(t.Context(), event(1, 1), []byte("{}"))
		}
		silent := send(&receiver{answer: always(reply{delay: time.Hour})})
		assert.Equal(t, webhook.Unavailable, silent.Outcome)
		assert.Equal(t, 15*time.Second, silent.Duration)
		assert.ErrorContains(t, silent.Err, "no answer within 15s")

		dripping := send(slowBody{})
		assert.Equal(t, webhook.Accepted, dripping.Outcome)
		assert.Equal(t, time.Second, dripping.Duration, "nobody waits for the rest of a body")
	})
}
