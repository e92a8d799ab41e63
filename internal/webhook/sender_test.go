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

func newSender(t *testing.T, address string) *webhook.Sender {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	keys := keysOf(t, secret)
	return webhook.NewSender(webhook.SenderConfig{URL: u, Signer: webhook.NewSigner(keys...), Version: "1.2.3"})
}

func TestARequestAsTheSinkSeesIt(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer sink.Close()

	answer := newSender(t, sink.URL+"/hook?token=1").Send(t.Context(), event(42, 1), []byte(`{"a":1}`))

	assert.Equal(t, webhook.Accepted, answer.Outcome)
	assert.Equal(t, 204, answer.Status)
	assert.Positive(t, answer.Duration)
	assert.Equal(t, "POST /hook?token=1", got.Method+" "+got.RequestURI)
	assert.Equal(t, `{"a":1}`, string(body))
	assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
	assert.Equal(t, "autowebinar/1.2.3", got.Header.Get("User-Agent"))
	assert.Equal(t, "42", got.Header.Get("autowebinar-user"))
	assert.Equal(t, event(42, 1).ID.String(), got.Header.Get("webhook-id"))
	assert.NotContains(t, got.Header, "Idempotency-Key")
	receiver, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	assert.NoError(t, receiver.Verify(body, got.Header))
}

func TestStatusesAreAboutTheMessageOrAboutTheSink(t *testing.T) {
	t.Parallel()
	outcomes := map[webhook.Outcome][]int{
		webhook.Accepted:    {200, 201, 202, 204, 299},
		webhook.Rejected:    {400, 402, 405, 406, 409, 411, 413, 415, 422, 451, 499},
		webhook.Unavailable: {300, 301, 302, 303, 304, 307, 308, 401, 403, 404, 408, 410, 421, 425, 429, 500, 501, 502, 503, 504, 599, 999},
	}
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := 0
		for _, c := range r.URL.Path[1:] {
			status = status*10 + int(c-'0')
		}
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
	}))
	defer sink.Close()
	for want, statuses := range outcomes {
		for _, status := range statuses {
			answer := newSender(t, fmt.Sprint(sink.URL, "/", status)).Send(t.Context(), event(1, 1), nil)
			assert.Equal(t, want, answer.Outcome, status)
			assert.Equal(t, status, answer.Status)
			assert.Equal(t, want != webhook.Accepted, answer.RetryAfter == 7*time.Second, status)
		}
	}
}

// raw is a sink that answers with bytes of its own making, and hangs up.
func raw(t *testing.T, answer string) string {
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
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestBrokenSinksAreUnavailable(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, address := range map[string]string{
		"nobody there":   closed.URL,
		"hangs up":       raw(t, ""),
		"half a header":  raw(t, "HTTP/1.1 200 OK\r\nContent-Le"),
		"garbage":        raw(t, "\x16\x03\x01 no http at all\r\n\r\n"),
		"endless header": raw(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 11<<20)),
		"no such host":   "http://sink.invalid/?token=geheim",
		"not tls":        strings.Replace(raw(t, "HTTP/1.1 200 OK\r\n\r\n"), "http:", "https:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := newSender(t, address).Send(t.Context(), event(1, 1), []byte("{}"))
			assert.Equal(t, webhook.Unavailable, answer.Outcome)
			assert.Zero(t, answer.Status)
			require.Error(t, answer.Err)
			assert.NotContains(t, answer.Err.Error(), "geheim", "an address may hold a token")
		})
	}
}

func TestTheStatusDecidesWhateverComesOfTheBody(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"cut short":     "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"bad chunks":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"huge":          "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 10<<20),
		"early answers": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, webhook.Accepted, newSender(t, raw(t, answer)).Send(t.Context(), event(1, 1), []byte("{}")).Outcome)
		})
	}
}

func TestConnectionsAreKeptAndQuietlyReplaced(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	sink := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 50<<10))
	}))
	sink.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	sink.Start()
	defer sink.Close()
	sender := newSender(t, sink.URL)
	for range 10 {
		require.Equal(t, webhook.Accepted, sender.Send(t.Context(), event(1, 1), []byte("{}")).Outcome)
	}
	assert.Equal(t, int32(1), opened.Load())

	sink.CloseClientConnections() // as a sink does after some seconds of silence
	assert.Equal(t, webhook.Accepted, sender.Send(t.Context(), event(1, 1), []byte("{}")).Outcome)
}
