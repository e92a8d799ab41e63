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

// canary stands in bodies and query values of the tests. It must never be sung
// in the log.
const canary = "canary"

// logBook is a log with what it has to say and what it must not.
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

func (b *logCapture) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// keepOut notes what a request carries that is nobody's business.
func (b *logCapture) addSecrets(r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	values := append(r.Header.Values("X-WP-Nonce"), r.URL.Query()["_wpnonce"]...)
	for _, name := range []string{"Authorization", "Cookie"} {
		for _, value := range r.Header.Values(name) {
			values = append(values, strings.FieldsFunc(value, func(c rune) bool { return c == ' ' || c == '=' || c == '%' })...)
		}
	}
	for _, value := range values {
		if len(value) >= 10 && !strings.HasPrefix(value, "wordpress_") {
			b.secrets[value] = true
		}
	}
}

// expect notes an answer, which has to be in the log.
func (b *logCapture) expectLine(res *http.Response) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expectedIDs = append(b.expectedIDs, res.Header.Get("X-Request-Id"))
	if fresh := res.Header.Get("X-WP-Nonce"); fresh != "" {
		b.secrets[fresh] = true
	}
}

// lines are the entries so far with this message.
func (b *logCapture) lines(t testing.TB, message string) []map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []map[string]any
	for line := range strings.Lines(b.text.String()) {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		if entry["msg"] == message {
			lines = append(lines, entry)
		}
	}
	return lines
}

// check is for when the server is closed: an access line is written after its
// answer.
func (b *logCapture) check(t testing.TB) {
	t.Helper()
	var logged []string
	for _, line := range b.lines(t, "request") {
		logged = append(logged, line["request_id"].(string))
	}
	assert.ElementsMatch(t, b.expectedIDs, logged, "one access line an answer")
	for secret := range b.secrets {
		assert.False(t, strings.Contains(b.text.String(), secret), "the log holds %q", secret)
	}
}
