package webhook_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
)

func newSender(t *testing.T, rawURL string) *webhook.Sender {
	t.Helper()
	u, err := url.Parse(rawURL)
	require.NoError(t, err)
	return webhook.NewSender(webhook.SenderConfig{URL: u, Signer: webhook.NewSigner(keysOf(t, secret)...), Version: "1.2.3"})
}

func TestRequestAndHeaders(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()

	attempt := newSender(t, server.URL+"/hook?token=1").Send(t.Context(), event(42, 1), []byte(`{"a":1}`))

	assert.Equal(t, webhook.Accepted, attempt.Outcome)
	assert.Equal(t, 204, attempt.Status)
	assert.Positive(t, attempt.Duration)
	assert.Equal(t, "POST /hook?token=1", got.Method+" "+got.RequestURI)
	assert.Equal(t, `{"a":1}`, string(body))
	assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
	assert.Equal(t, "autowebinar/1.2.3", got.Header.Get("User-Agent"))
	assert.Equal(t, "42", got.Header.Get("autowebinar-user"))
	assert.Equal(t, event(42, 1).ID.String(), got.Header.Get("webhook-id"))
	assert.NotContains(t, got.Header, "Idempotency-Key")
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	assert.NoError(t, verifier.Verify(body, got.Header))
}

func TestOutcomesOfStatuses(t *testing.T) {
	t.Parallel()
	outcomes := map[webhook.Outcome][]int{
		webhook.Accepted:    {200, 201, 202, 204, 299},
		webhook.Rejected:    {400, 402, 405, 406, 409, 411, 413, 415, 422, 451, 499},
		webhook.Unavailable: {300, 301, 302, 303, 304, 307, 308, 401, 403, 404, 408, 410, 421, 425, 429, 500, 501, 502, 503, 504, 599, 999},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := 0
		for _, c := range r.URL.Path[1:] {
			status = status*10 + int(c-'0')
		}
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
	}))
	defer server.Close()
	for want, statuses := range outcomes {
		for _, status := range statuses {
			attempt := newSender(t, fmt.Sprint(server.URL, "/", status)).Send(t.Context(), event(1, 1), nil)
			assert.Equal(t, want, attempt.Outcome, status)
			assert.Equal(t, status, attempt.Status)
			assert.Equal(t, want != webhook.Accepted, attempt.RetryAfter == 7*time.Second, status)
		}
	}
}

// rawServer responds to every request with the given bytes and closes the
// connection. It returns its URL.
func rawServer(t *testing.T, response string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			req, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
			}
			_, _ = io.WriteString(conn, response)
			_ = conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestConnectionErrorsAreUnavailable(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, rawURL := range map[string]string{
		"closed port":    closed.URL,
		"no response":    rawServer(t, ""),
		"partial header": rawServer(t, "HTTP/1.1 200 OK\r\nContent-Le"),
		"not HTTP":       rawServer(t, "\x16\x03\x01 not an HTTP response\r\n\r\n"),
		"endless header": rawServer(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 11<<20)),
		"no such host":   "http://receiver.invalid/?token=confidential",
		"not TLS":        strings.Replace(rawServer(t, "HTTP/1.1 200 OK\r\n\r\n"), "http:", "https:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempt := newSender(t, rawURL).Send(t.Context(), event(1, 1), []byte("{}"))
			assert.Equal(t, webhook.Unavailable, attempt.Outcome)
			assert.Zero(t, attempt.Status)
			require.Error(t, attempt.Err)
			assert.NotContains(t, attempt.Err.Error(), "confidential", "the URL may contain a token")
		})
	}
}

func TestBodyDoesNotAffectOutcome(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]string{
		"truncated":     "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"bad chunks":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"huge":          "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 10<<20),
		"informational": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, webhook.Accepted, newSender(t, rawServer(t, response)).Send(t.Context(), event(1, 1), []byte("{}")).Outcome)
		})
	}
}

func TestConnectionsAreReusedAndReplaced(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 50<<10))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	sender := newSender(t, server.URL)
	for range 10 {
		require.Equal(t, webhook.Accepted, sender.Send(t.Context(), event(1, 1), []byte("{}")).Outcome)
	}
	assert.Equal(t, int32(1), opened.Load())

	server.CloseClientConnections() // like an idle time-out
	assert.Equal(t, webhook.Accepted, sender.Send(t.Context(), event(1, 1), []byte("{}")).Outcome)
}
