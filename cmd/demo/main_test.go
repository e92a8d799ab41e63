package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

// startDemo runs the demo, which builds the service. It returns the addresses in
// the banner by name, and a function that stops the demo and returns what it
// printed while it started.
func startDemo(t *testing.T, database string) (addresses map[string]string, stop func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	lines, out := io.Pipe()
	var progress strings.Builder
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--db", database, "--listen", "127.0.0.1:0"}, out, &progress)
		out.Close()
	}()
	stop = sync.OnceValue(func() string {
		cancel()
		assert.NoError(t, <-ended)
		return progress.String()
	})
	t.Cleanup(func() { stop() })
	addresses = map[string]string{}
	banner, address := bufio.NewScanner(lines), regexp.MustCompile(`^  (page|service|status) +(\S+)`)
	for len(addresses) < 3 && banner.Scan() {
		if match := address.FindStringSubmatch(banner.Text()); match != nil {
			addresses[match[1]] = match[2]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	require.Len(t, addresses, 3, "the demo does not start")
	return addresses, stop
}

// The demo builds the real service and forwards to it.
func TestDemoServesPageAndService(t *testing.T) {
	t.Parallel()
	addresses, stop := startDemo(t, "mariadbd")
	response, page := get(t, addresses["page"])
	assert.Contains(t, page, "<video")
	assert.NotEmpty(t, response.Cookies())
	response, _ = get(t, addresses["service"]+"/player.js")
	assert.Equal(t, http.StatusOK, response.StatusCode)
	response, _ = get(t, addresses["service"]+"/session?webinar_id=intro")
	assert.Equal(t, http.StatusUnauthorized, response.StatusCode, "no login")
	response, _ = get(t, addresses["status"])
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Contains(t, stop(), "Building the service")
}

func TestWrongArgumentsAreRejected(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"mariadbd":                  {"--db", "root:hunter2@oracle", "--service", "none", "--listen", "127.0.0.1:0"},
		`unexpected argument "now"`: {"now"},
		"-colour":                   {"--colour"},
	} {
		err := run(t.Context(), args, io.Discard, io.Discard)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}
