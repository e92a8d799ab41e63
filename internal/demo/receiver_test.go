package demo

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a secret of thirty-two bytes ..."))

func newReceiver(t *testing.T, limit int) *Receiver {
	t.Helper()
	receiver, err := NewReceiver(ReceiverConfig{Secret: secret, Limit: limit})
	require.NoError(t, err)
	t.Cleanup(receiver.Close)
	return receiver
}

// deliver sends a webhook signed with the secret at the given time, and returns
// the status.
func deliver(t *testing.T, to http.Handler, secret, id, body string, at time.Time) int {
	t.Helper()
	webhook, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	signature, err := webhook.Sign(id, at, []byte(body))
	require.NoError(t, err)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, ReceiverPath, strings.NewReader(body))
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", fmt.Sprint(at.Unix()))
	r.Header.Set("webhook-signature", signature)
	r.Header.Set("autowebinar-user", "1")
	w := httptest.NewRecorder()
	to.ServeHTTP(w, r)
	return w.Code
}

func TestReceiverVerifiesSignatures(t *testing.T) {
	t.Parallel()
	const body = `{"type":"client_webinar_entered","data":{"webinar_id":"intro"}}`
	const entered = "client_webinar_entered"
	other := "whsec_" + base64.StdEncoding.EncodeToString([]byte("another secret of some length"))
	now := time.Now()
	for name, test := range map[string]struct {
		secret string
		at     time.Time
		down   bool
		status int
		want   Outcome
	}{
		"valid":                   {secret: secret, at: now, status: 204, want: Accepted},
		"another secret":          {secret: other, at: now, status: 401, want: Forged},
		"expired timestamp":       {secret: secret, at: now.Add(-time.Hour), status: 401, want: Forged},
		"down":                    {secret: secret, at: now, down: true, status: 503, want: Down},
		"forged while down":       {secret: other, at: now, down: true, status: 401, want: Forged},
		"timestamp in the future": {secret: secret, at: now.Add(time.Hour), status: 401, want: Forged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := newReceiver(t, 0)
			receiver.SetDown(test.down)
			assert.Equal(t, test.status, deliver(t, receiver, test.secret, "id-1", body, test.at))
			receipts, down, _ := receiver.since(0)
			assert.Equal(t, test.down, down)
			require.Len(t, receipts, 1)
			assert.Equal(t, test.want, receipts[0].Outcome)
			assert.Equal(t, test.want != Forged, receipts[0].Verified)
			assert.Equal(t, "id-1", receipts[0].ID)
			assert.Equal(t, "1", receipts[0].User)
			assert.Equal(t, map[bool]string{true: entered}[receipts[0].Verified], receipts[0].Type, "the type is set only if the signature is valid")
			assert.Equal(t, fmt.Sprint(test.at.Unix()), receipts[0].SentAt)
			assert.True(t, strings.HasPrefix(receipts[0].Proof, "v1,"))
			if test.want == Accepted {
				assert.JSONEq(t, body, string(receipts[0].Body))
			} else {
				assert.Empty(t, receipts[0].Body)
				assert.NotEmpty(t, receipts[0].Reason)
			}
		})
	}
}

func TestReceiverRejectsInvalidRequests(t *testing.T) {
	t.Parallel()
	receiver := newReceiver(t, 0)
	for name, body := range map[string]string{"unsigned": "{}", "too long": strings.Repeat(" ", maxEventBody+1)} {
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, ReceiverPath, strings.NewReader(body)))
		assert.Contains(t, []int{400, 401}, w.Code, name)
	}
	_, err := NewReceiver(ReceiverConfig{Secret: "whsec_%"})
	assert.Error(t, err)
}

func TestReceiverCountsAttemptsAndKeepsTheLatest(t *testing.T) {
	t.Parallel()
	receiver := newReceiver(t, 3)
	now := time.Now()
	receiver.SetDown(true)
	assert.Equal(t, 503, deliver(t, receiver, secret, "a", "{}", now))
	receiver.SetDown(false)
	for _, id := range []string{"a", "a", "b", "c"} {
		assert.Equal(t, 204, deliver(t, receiver, secret, id, "not JSON", now))
	}
	receipts, _, _ := receiver.since(0)
	require.Len(t, receipts, 3)
	assert.Equal(t, []uint64{3, 4, 5}, []uint64{receipts[0].Seq, receipts[1].Seq, receipts[2].Seq})
	assert.True(t, receipts[0].Repeat, "accepted before")
	assert.Equal(t, 3, receipts[0].Attempt)
	assert.False(t, receipts[1].Repeat)
	assert.Equal(t, 1, receipts[1].Attempt)
	assert.Equal(t, `"not JSON"`, string(receipts[0].Body), "unparsable bodies are kept as a string")

	later, _, _ := receiver.since(4)
	assert.Len(t, later, 1)
	unknown, _, _ := receiver.since(99)
	assert.Len(t, unknown, 3, "an id of an earlier run")
}
