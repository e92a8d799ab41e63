//go:build embedded

// Building the engine takes a minute or two when nothing is cached, so this file
// needs a build tag: go test -tags embedded ./internal/demo ./cmd/demo

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// The service runs on the embedded engine: logins are verified, and of requests
// at the same time no update and no event is lost.
func TestServiceOnTheEmbeddedEngine(t *testing.T) {
	t.Parallel()
	const requests = 40
	addresses, _ := startDemo(t, "embedded")
	want := map[string]int{}
	for user := 1; user <= 3; user++ {
		post := login(t, addresses, user)
		var group errgroup.Group
		for i := range requests {
			group.Go(func() error { return post("/enter", `{"webinar_id":"intro"}`) })
			group.Go(func() error {
				return post("/register", fmt.Sprintf(`{"webinar_id":"webinar-%d","webinar_type":"live","source":"test"}`, i))
			})
		}
		require.NoError(t, group.Wait())

		_, rows := get(t, fmt.Sprint(addresses["page"], "demo/rows?viewer=", user))
		assert.Equal(t, 1, strings.Count(rows, `"autowebinar_session_id"`))
		assert.Equal(t, requests, strings.Count(rows, `"autowebinar_registered@`), "no update is lost")
		want[fmt.Sprint(user, " client_webinar_entered")] = 1
		want[fmt.Sprint(user, " client_webinar_registered")] = requests
	}
	assert.Equal(t, want, received(t, addresses["page"], 3*(requests+1)), "one event for each change")

	for user := 1; user <= 3; user++ {
		assert.Eventually(t, func() bool {
			_, rows := get(t, fmt.Sprint(addresses["page"], "demo/rows?viewer=", user))
			return !strings.Contains(rows, "_outbox")
		}, 20*time.Second, 50*time.Millisecond, "every event has left the queue")
	}
}

// login returns a function that sends a viewer's request with the login cookie
// and the nonce of the viewer's page.
func login(t *testing.T, addresses map[string]string, user int) (post func(route, body string) error) {
	t.Helper()
	response, page := get(t, fmt.Sprint(addresses["page"], "?viewer=", user))
	require.Len(t, response.Cookies(), 1)
	nonce := regexp.MustCompile(`data-nonce="(\w+)"`).FindStringSubmatch(page)
	require.NotNil(t, nonce)
	return func(route, body string) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, addresses["service"]+route, strings.NewReader(body))
		if err != nil {
			return err
		}
		r.AddCookie(response.Cookies()[0])
		r.Header.Set("X-WP-Nonce", nonce[1])
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode >= 300 {
			return fmt.Errorf("%s %s: %s", route, body, answer.Status)
		}
		return nil
	}
}

// received counts the first n events that the receiver accepted, by user and type.
func received(t *testing.T, page string, n int) map[string]int {
	t.Helper()
	response, err := http.Get(page + "demo/events")
	require.NoError(t, err)
	defer response.Body.Close()
	counts := map[string]int{}
	for lines := bufio.NewScanner(response.Body); n > 0 && lines.Scan(); {
		var receipt struct {
			User, Type, Outcome string
			Repeat              bool
		}
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if found && json.Unmarshal([]byte(data), &receipt) == nil && receipt.Outcome == "accepted" && !receipt.Repeat {
			counts[receipt.User+" "+receipt.Type]++
			n--
		}
	}
	return counts
}
