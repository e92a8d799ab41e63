package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// canary is part of bodies and query values of the tests. It must never be logged.
const canary = "canary"

// logCapture records the log, and what must and must not appear in it.
type logCapture struct {
	mu          sync.Mutex
	text        bytes.Buffer
	secrets     map[string]bool
	expectedIDs []string // request ids
}

func newLogCapture() *logCapture {
	return &logCapture{secrets: map[string]bool{
		canary: true, jwtSecret: true, serviceKey: true, nextServiceKey: true,
		loggedInSalt: true, nonceSalt: true, anna().token: true, boris().token: true,
	}}
}

func (l *logCapture) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// addSecrets records the credentials of a request.
func (l *logCapture) addSecrets(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	values := append(r.Header.Values("X-WP-Nonce"), r.URL.Query()["_wpnonce"]...)
	for _, name := range []string{"Authorization", "Cookie"} {
		for _, value := range r.Header.Values(name) {
			values = append(values, strings.FieldsFunc(value, func(c rune) bool { return c == ' ' || c == '=' || c == '%' })...)
		}
	}
	for _, value := range values {
		if len(value) >= 10 && !strings.HasPrefix(value, "wordpress_") {
			l.secrets[value] = true
		}
	}
}

// expectLine records a response that must be logged.
func (l *logCapture) expectLine(res *http.Response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expectedIDs = append(l.expectedIDs, res.Header.Get("X-Request-Id"))
	if fresh := res.Header.Get("X-WP-Nonce"); fresh != "" {
		l.secrets[fresh] = true
	}
}

// lines returns the entries with this message so far.
func (l *logCapture) lines(t testing.TB, message string) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []map[string]any
	for line := range strings.Lines(l.text.String()) {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		if entry["msg"] == message {
			lines = append(lines, entry)
		}
	}
	return lines
}

// check must be called after the server is closed, because a line is written after
// its response.
func (l *logCapture) check(t testing.TB) {
	t.Helper()
	var logged []string
	for _, line := range l.lines(t, "request") {
		logged = append(logged, line["request_id"].(string))
	}
	assert.ElementsMatch(t, l.expectedIDs, logged, "one line for each response")
	for secret := range l.secrets {
		assert.False(t, strings.Contains(l.text.String(), secret), "the log contains %q", secret)
	}
}
