package httpapi_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/httpapi"
	"autowebinar/internal/webinar"
)

// blockingStore delays changes until the test lets them proceed.
type blockingStore struct {
	httpapi.Viewers
	started chan context.Context
	proceed chan struct{}
}

func (s blockingStore) Change(ctx context.Context, user webinar.UserID, command webinar.Command) (webinar.Result, error) {
	s.started <- ctx
	<-s.proceed
	return s.Viewers.Change(ctx, user, command)
}

// disconnectDuringChange sends a request and disconnects while the store changes a
// viewer. It returns the context of the change once the server has noticed.
func (s *site) disconnectDuringChange(t *testing.T, store blockingStore, route, body string, credentials requestOption) context.Context {
	t.Helper()
	ctx, disconnect := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", s.server.URL+base+route, strings.NewReader(body))
	require.NoError(t, err)
	credentials(r)
	ended := make(chan error)
	go func() {
		_, err := s.server.Client().Do(r)
		ended <- err
	}()
	changeCtx := <-store.started
	disconnect()
	require.ErrorIs(t, <-ended, context.Canceled)
	<-s.latest.Load().Context().Done()
	return changeCtx
}

func TestClosedPageDoesNotCancelItsReport(t *testing.T) {
	t.Parallel()
	store := blockingStore{started: make(chan context.Context), proceed: make(chan struct{})}
	s := setup(t, func(c *httpapi.Config) { store.Viewers, c.Viewers = c.Viewers, &store })
	go func() { <-store.started; store.proceed <- struct{}{} }()
	s.enter(t, anna(), "intro")

	ctx := s.disconnectDuringChange(t, store, "/exit", `{"webinar_id":"intro","position_sec":60}`, token(7))
	require.NoError(t, ctx.Err())
	deadline, bounded := ctx.Deadline()
	assert.True(t, bounded)
	assert.Less(t, time.Until(deadline), time.Minute)
	store.proceed <- struct{}{}

	s.server.Close() // by now the handler has ended
	assert.Equal(t, []string{"60"}, s.db.Meta(t, 7)["autowebinar_last_position_sec"])
	assert.Equal(t, []string{"entered", "left"}, eventTypes(s.outbox(t, anna())))
	s.log.expectedIDs = append(s.log.expectedIDs, s.log.lines(t, "request")[1]["request_id"].(string)) // the client did not read it
}

func TestTruncatedBodyIsRetryable(t *testing.T) {
	t.Parallel()
	s := setup(t)
	conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST "+base+"/users/7/enter HTTP/1.1\r\nHost: example.test\r\nAuthorization: Bearer "+serviceKey+
		"\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"+`{"webinar_id":"intro"}`)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer res.Body.Close()
	s.log.expectLine(res)
	assert.Equal(t, 503, res.StatusCode, "the client may send it again")
	assert.NotEmpty(t, res.Header.Get("Retry-After"))
	assert.NotContains(t, s.db.Meta(t, 7), "autowebinar_session_id")
}
