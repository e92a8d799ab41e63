package demo

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// openStream returns a function that reads the next event of the stream: name, id
// and data, separated by spaces.
func openStream(t *testing.T, url, lastID string) (next func() string, body io.Closer) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	r.Header.Set("Last-Event-ID", lastID)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { response.Body.Close() })
	assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	lines := bufio.NewReader(response.Body)
	return func() string {
		var fields []string
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return "end"
			}
			if line = strings.TrimSpace(line); line == "" {
				return strings.Join(fields, " ")
			}
			_, value, _ := strings.Cut(line, ": ")
			fields = append(fields, value)
		}
	}, response.Body
}

func TestStreamResumesAfterTheLastEvent(t *testing.T) {
	t.Parallel()
	receiver := newReceiver(t, 0)
	server := httptest.NewServer(http.HandlerFunc(receiver.stream))
	t.Cleanup(server.Close)
	now := time.Now()
	deliver(t, receiver, secret, "a", "{}", now)
	deliver(t, receiver, secret, "b", "{}", now)

	next, _ := openStream(t, server.URL, "")
	assert.Equal(t, `receiver {"down":false}`, next())
	assert.Contains(t, next(), `receipt 1 {"seq":1`)
	assert.Contains(t, next(), `receipt 2 {"seq":2`)

	receiver.SetDown(true)
	assert.Equal(t, `receiver {"down":true}`, next())
	deliver(t, receiver, secret, "c", "{}", now)
	assert.Contains(t, next(), `"outcome":"down"`)

	resumed, _ := openStream(t, server.URL, "2")
	assert.Equal(t, `receiver {"down":true}`, resumed())
	assert.Contains(t, resumed(), `receipt 3 {"seq":3`, "a browser that reconnects gets every later receipt once")
}

func TestStreamEndsWithTheReceiverOrTheClient(t *testing.T) {
	t.Parallel()
	receiver := newReceiver(t, 0)
	ended := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		receiver.stream(w, r)
		ended <- struct{}{}
	}))
	t.Cleanup(server.Close)

	next, body := openStream(t, server.URL, "")
	assert.Equal(t, `receiver {"down":false}`, next())
	require.NoError(t, body.Close())
	<-ended

	next, _ = openStream(t, server.URL, "")
	assert.Equal(t, `receiver {"down":false}`, next())
	receiver.Close()
	receiver.Close()
	assert.Equal(t, "end", next())
	<-ended
}
