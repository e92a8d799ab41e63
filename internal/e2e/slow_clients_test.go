package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSlowClientsDoNotDelayOthers opens connections that send nothing, or a
// header or a body byte by byte. The service serves other clients meanwhile,
// closes each slow connection by itself and stores nothing of a partial body.
func TestSlowClientsDoNotDelayOthers(t *testing.T) {
	t.Parallel()
	tgt := newTarget(t)
	before, rows := readProcessStats(t, tgt.service), tgt.allRows(t)
	request := rawRequest("POST "+api+"/enter", tgt.pageHeaders()+"Content-Type: application/json\r\n", `{"webinar_id":"pro"}`)
	headerEnd := strings.Index(request, "\r\n\r\n") + 4
	var wg sync.WaitGroup
	for i := range 150 {
		wg.Go(func() {
			switch i % 3 {
			case 0:
				assert.Empty(t, tgt.sendSlowly(t, "", ""), "a client that sends nothing gets no response")
			case 1:
				assert.Contains(t, []string{"", `400 "400 Bad Request"`}, tgt.sendSlowly(t, request[:10], request[10:headerEnd]), "a partial header is not a request")
			case 2:
				assert.Equal(t, "503 autowebinar_unavailable", tgt.sendSlowly(t, request[:headerEnd], strings.Repeat(" ", 20)), "a request with a partial body may be retried")
			}
		})
	}
	closed := make(chan struct{})
	go func() {
		wg.Wait()
		close(closed)
	}()
	for served := 0; ; served++ {
		tgt.boris.Must(t, tgt.service, 200, "/session", "")
		select {
		case <-time.After(100 * time.Millisecond):
			continue
		case <-closed:
		}
		assert.Greater(t, served, 20)
		break
	}
	assert.Equal(t, rows, tgt.allRows(t))
	tgt.requireIntact(t, before)
}

// sendSlowly sends start at once and the rest byte by byte until the service
// closes the connection. It returns the response, if there is one.
func (tgt *target) sendSlowly(t testing.TB, start, rest string) string {
	conn, err := net.Dial("tcp", strings.TrimPrefix(tgt.service.URL, "http://"))
	if !assert.NoError(t, err) {
		return ""
	}
	defer conn.Close()
	assert.NoError(t, conn.SetDeadline(time.Now().Add(90*time.Second)))
	_, err = io.WriteString(conn, start)
	assert.NoError(t, err)
	done := make(chan struct{})
	defer close(done)
	go func() {
		for i := range len(rest) - 1 {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Second):
				if _, err := conn.Write([]byte(rest[i : i+1])); err != nil {
					return
				}
			}
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return ""
	}
	body, err := io.ReadAll(res.Body)
	assert.NoError(t, err)
	return response{res, body}.String()
}

// Many concurrent guesses claim different client addresses in forwarding headers.
func TestLoginLimitIgnoresForwardedHeaders(t *testing.T) {
	t.Parallel()
	tgt := newTarget(t, "AUTOWEBINAR_RATE_LOGIN", "1,5")
	before := readProcessStats(t, tgt.service)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for worker := range 16 {
		wg.Go(func() {
			for i := range 50 {
				spoofed := fmt.Sprintf("X-Forwarded-For: 198.51.%d.%d\r\nForwarded: for=198.51.%d.%d\r\nX-Real-IP: 198.51.%d.%d\r\n", worker, i, worker, i, worker, i)
				raw := "GET " + api + "/session HTTP/1.1\r\nHost: example.test\r\nAuthorization: Bearer " + canary + "\r\n" + spoofed + "\r\n"
				for _, a := range tgt.exchange(t, raw) {
					mu.Lock()
					seen[a.String()]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 800, seen["401 rest_not_logged_in"]+seen["429 autowebinar_too_many_requests"], "%v", seen)
	assert.Greater(t, seen["429 autowebinar_too_many_requests"], 600, "%v: headers do not change the address of a client", seen)
	require.Equal(t, http.StatusOK, tgt.service.Readiness())
	tgt.requireIntact(t, before)
}
