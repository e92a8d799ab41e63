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
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// slow is a store that waits for a sign before it changes anything.
type blockingStore struct {
	httpapi.Viewers
	started chan context.Context
	proceed chan struct{}
}

func (s blockingStore) Change(ctx context.Context, user webinar.UserID, apply usermeta.ApplyFunc) error {
	s.started <- ctx
	<-s.proceed
	return s.Viewers.Change(ctx, user, apply)
}

func TestClosedPageDoesNotCancelItsReport(t *testing.T) {
	t.Parallel()
	hold := blockingStore{started: make(chan context.Context), proceed: make(chan struct{})}
	s := setup(t, func(c *httpapi.Config) { hold.Viewers, c.Viewers = c.Viewers, &hold })
	go func() { <-hold.started; hold.proceed <- struct{}{} }()
	s.enter(t, anna(), "intro")

	leaving, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(leaving, "POST", s.server.URL+base+"/exit", strings.NewReader(`{"webinar_id":"intro","position_sec":60}`))
	require.NoError(t, err)
	token(7)(r)
	gone := make(chan error)
	go func() {
		_, err := s.server.Client().Do(r)
		gone <- err
	}()
	ctx := <-hold.started
	leave()
	require.ErrorIs(t, <-gone, context.Canceled)
	deadline, bounded := ctx.Deadline()
	assert.True(t, bounded)
	assert.Less(t, time.Until(deadline), time.Minute)
	hold.proceed <- struct{}{}

	s.server.Close() // by now the handler has ended
	assert.Equal(t, []string{"60"}, s.db.Meta(t, 7)["autowebinar_last_position_sec"])
	assert.Equal(t, []string{"entered", "left"}, eventTypes(s.outbox(t, anna())))
	s.log.expectedIDs = append(s.log.expectedIDs, s.log.lines(t, "request")[1]["request_id"].(string)) // nobody heard it
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
	assert.Equal(t, 503, res.StatusCode, "what came says nothing: send it again")
	assert.NotEmpty(t, res.Header.Get("Retry-After"))
	assert.NotContains(t, s.db.Meta(t, 7), "autowebinar_session_id")
}

// TestOfTwoLoginsTheNoncesOne is a site that has moved: browsers keep the
// cookies of both addresses.
func TestNonceSelectsOneOfTwoLogins(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	s.enter(t, boris(), "pro")
	elsewhere := func(v viewer) requestOption {
		return func(r *http.Request) {
			loggedIn(v)(r)
			r.Header.Set("Cookie", strings.Replace(strings.Join(r.Header.Values("Cookie"), "; "), cookieName, "wordpress_logged_in_moved", 1))
		}
	}
	for _, both := range []requestOption{all(elsewhere(anna()), loggedIn(boris())), all(elsewhere(boris()), loggedIn(anna()))} {
		a := s.call(t, "GET", "/session", "", both, nonce(anna().nonceAt(time.Now())))
		assert.Equal(t, "intro", a.json["webinar_id"], string(a.raw))
		a = s.call(t, "GET", "/session", "", both, nonce(boris().nonceAt(time.Now())))
		assert.Equal(t, "pro", a.json["webinar_id"], string(a.raw))
		s.call(t, "GET", "/session", "", both, nonce("0123456789")).assertError(t, invalidNonce)
		s.call(t, "GET", "/session", "", both).assertError(t, notLoggedIn)
	}
}
