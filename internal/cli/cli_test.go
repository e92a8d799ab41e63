package cli

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
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
		{"help", []string{"help"}, 0, "", "usage: autowebinar"},
		{"unknown command", []string{"fly"}, 2, "", "usage: autowebinar"},
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

func TestCheckSucceeds(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, http.MethodHead, r.Method, "check sends no event")
	}))
	defer receiver.Close()
	db := mariadbtest.New(t)
	code, out, errs := runCommand(t, testEnv(db, receiver.URL), "check")
	assert.Equal(t, 0, code, out+errs)
	assert.NotRegexp(t, `(?m)^(fail|fatal)`, out)
	assert.Regexp(t, `ok +salts`, out)
	assert.Regexp(t, `ok +receiver`, out)
}

func TestCheckAdvisesOnProblems(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	env := withSetting(testEnv(db, "http://127.0.0.1:1/"), "AUTOWEBINAR_USERMETA_TABLE=nothing_here")
	env = withSetting(env, "WORDPRESS_NONCE_SALT=put your unique phrase here")
	code, out, errs := runCommand(t, env, "check")
	assert.Equal(t, 1, code, errs)
	assert.Regexp(t, `fail +engine +no table nothing_here`, out)
	assert.Regexp(t, `fail +salts .*NONCE_SALT`, out)
	assert.Regexp(t, `fail +receiver +no answer`, out)
	assert.Contains(t, out, "→")
	assert.Empty(t, errs)
	for _, secret := range []string{testSecret, "put your unique phrase"} {
		assert.NotContains(t, out, secret)
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
	}, time.Minute, 10*time.Millisecond, "waiting for %s", pattern)
	return match, stdout
}

func TestSinkVerifiesAndPrintsWebhooks(t *testing.T) {
	t.Parallel()
	sink, out := startCommand(t, []string{"AUTOWEBINAR_WEBHOOK_SECRET=" + testSecret + ",whsec_other"}, `listening on (\S+)`, "sink", "--listen", "127.0.0.1:0")
	db := mariadbtest.New(t)
	db.AddUser(t, 1, "anna", "")
	env := withSetting(testEnv(db, sink[1]), "AUTOWEBINAR_SERVICE_KEYS=key-of-the-scenario-engine")
	env = withSetting(env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:0")
	service, _ := startCommand(t, env, `"address":"([^"]+)","admin":"([^"]+)"`, "serve")

	require.Eventually(t, func() bool {
		req, err := http.NewRequest(http.MethodPost, "http://"+service[1]+"/wp-json/autowebinar/v1/users/1/enter", strings.NewReader(`{"webinar_id":"intro"}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer key-of-the-scenario-engine")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		return res.StatusCode < 300
	}, 20*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "signature ok user=1") }, 20*time.Second, 10*time.Millisecond)

	res, err := http.Post(sink[1], "application/json", strings.NewReader(`{"forged":true}`))
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Contains(t, out.String(), "SIGNATURE INVALID")

	code, _, errs := runCommand(t, withSetting(env, "AUTOWEBINAR_ADMIN_LISTEN="+service[2]), "health", "--path", "/readyz")
	assert.Equal(t, 0, code, errs)
	code, _, _ = runCommand(t, withSetting(env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:1"), "health")
	assert.Equal(t, 1, code)
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

func TestConfigurationPageContainsReference(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	_, reference, _ := runCommand(t, nil, "config", "--reference")
	assert.Contains(t, string(page), strings.TrimSpace(reference))
}
