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

// listen opens the stream and returns a function that reads its next event:
// name, id and data, a space between them.
func listen(t *testing.T, url, lastID string) (next func() string, body io.Closer) {
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

func TestStreamReplaysAndFollows(t *testing.T) {
	t.Parallel()
	sink := newSink(t, 0)
	server := httptest.NewServer(http.HandlerFunc(sink.stream))
	t.Cleanup(server.Close)
	now := time.Now()
	deliver(t, sink, secret, "a", "{}", now)
	deliver(t, sink, secret, "b", "{}", now)

	next, _ := listen(t, server.URL, "")
	assert.Equal(t, `sink {"down":false}`, next())
	assert.Contains(t, next(), `receipt 1 {"seq":1`)
	assert.Contains(t, next(), `receipt 2 {"seq":2`)

	sink.SetDown(true)
	assert.Equal(t, `sink {"down":true}`, next())
	deliver(t, sink, secret, "c", "{}", now)
	assert.Contains(t, next(), `"outcome":"down"`)

	again, _ := listen(t, server.URL, "2")
	assert.Equal(t, `sink {"down":true}`, again())
	assert.Contains(t, again(), `receipt 3 {"seq":3`, "a browser that comes back misses nothing and sees nothing twice")
}

func TestStreamEndsWithTheSinkAndWithItsListener(t *testing.T) {
	t.Parallel()
	sink := newSink(t, 0)
	ended := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sink.stream(w, r)
		ended <- struct{}{}
	}))
	t.Cleanup(server.Close)

	next, body := listen(t, server.URL, "")
	assert.Equal(t, `sink {"down":false}`, next())
	require.NoError(t, body.Close())
	<-ended

	next, _ = listen(t, server.URL, "")
	assert.Equal(t, `sink {"down":false}`, next())
	sink.Close()
	sink.Close()
	assert.Equal(t, "end", next())
	<-ended
}
