package cli

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

func TestMain(m *testing.M) { mariadbtest.Main(m) }

const testSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDdfbxuFNtZ3o="

// output is a buffer for concurrent use.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// runCommand runs a command and returns its exit code and output.
func runCommand(t *testing.T, environ []string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr output
	code = Run(t.Context(), args, Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr}, environ)
	return code, stdout.String(), stderr.String()
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		args     []string
		code     int
		out, err string
	}{
		{"version", []string{"version"}, 0, "autowebinar ", ""},
		{"config --reference", []string{"config", "--reference"}, 0, "AUTOWEBINAR_WEBHOOK_URL", ""},
		{"help", []string{"help"}, 0, "", "usage: autowebinar [command]"},
		{"help flag", []string{"--help"}, 0, "", "usage: autowebinar [command]"},
		{"help for serve", []string{"serve", "-h"}, 0, "", "usage: autowebinar serve"},
		{"unknown command", []string{"fly"}, 2, "", `unknown command "fly"`},
		{"unknown flag", []string{"sink", "--colour"}, 2, "", "-colour"},
		{"extra argument", []string{"check", "now"}, 2, "", `unexpected argument "now"`},
		{"missing settings", []string{"serve"}, 1, "", "AUTOWEBINAR_WEBHOOK_URL"},
		{"sink without a secret", []string{"sink"}, 1, "", "--secret"},
		{"sink with an invalid secret", []string{"sink", "--secret", "hunter2 is not base64"}, 1, "", "whsec_"},
		{"no demo", []string{"demo"}, 2, "", "usage: autowebinar"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := runCommand(t, nil, test.args...)
			assert.Equal(t, test.code, code, errs)
			assert.Contains(t, out, test.out)
			assert.Contains(t, errs, test.err)
			assert.NotContains(t, errs, "hunter2")
		})
	}
}

func testEnv(db *mariadbtest.DB, webhookURL string) []string {
	return []string{
		"AUTOWEBINAR_DB_DSN=" + db.DSN, "AUTOWEBINAR_WEBHOOK_URL=" + webhookURL, "AUTOWEBINAR_WEBHOOK_SECRET=" + testSecret,
		"AUTOWEBINAR_LISTEN=127.0.0.1:0", "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:1",
		"WORDPRESS_AUTH_KEY=a", "WORDPRESS_SECURE_AUTH_KEY=b", "WORDPRESS_LOGGED_IN_KEY=c", "WORDPRESS_NONCE_KEY=d",
		"WORDPRESS_AUTH_SALT=e", "WORDPRESS_SECURE_AUTH_SALT=f", "WORDPRESS_LOGGED_IN_SALT=g", "WORDPRESS_NONCE_SALT=h",
	}
}

// startCommand runs a command until the test ends. It waits until the output matches
// a pattern and returns the match.
func startCommand(t *testing.T, env []string, pattern string, args ...string) (match []string, stdout *output) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var stderr output
	stdout = &output{}
	done := make(chan int, 1)
	go func() {
		done <- Run(ctx, args, Streams{In: strings.NewReader(""), Out: stdout, Err: &stderr}, env)
	}()
	t.Cleanup(func() {
		cancel()
		assert.Equal(t, 0, <-done, stderr.String())
	})
	re := regexp.MustCompile(pattern)
	require.Eventually(t, func() bool {
		match = re.FindStringSubmatch(stdout.String() + stderr.String())
		return match != nil
	}, time.Minute, 10*time.Millisecond, "no match of %s", pattern)
	return match, stdout
}

// withSetting returns a copy of env with a setting added or replaced.
func withSetting(env []string, setting string) []string {
	name, _, _ := strings.Cut(setting, "=")
	replaced := []string{setting}
	for _, entry := range env {
		if !strings.HasPrefix(entry, name+"=") {
			replaced = append(replaced, entry)
		}
	}
	return replaced
}
