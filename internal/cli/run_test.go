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

// output is what a command has printed so far.
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

// ask runs a command to its end.
func ask(t *testing.T, environ []string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr output
	code = Run(t.Context(), args, Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr}, environ)
	return code, stdout.String(), stderr.String()
}

func TestCommandsAndTheirExitCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		args     []string
		code     int
		out, err string
	}{
		{"version", []string{"version"}, 0, "autowebinar ", ""},
		{"reference of the settings", []string{"config", "--reference"}, 0, "AUTOWEBINAR_WEBHOOK_URL", ""},
		{"help", []string{"help"}, 0, "", "usage: autowebinar"},
		{"no such command", []string{"fly"}, 2, "", "usage: autowebinar"},
		{"no such flag", []string{"sink", "--colour"}, 2, "", "-colour"},
		{"a word too many", []string{"check", "now"}, 2, "", `unexpected argument "now"`},
		{"settings missing", []string{"serve"}, 1, "", "AUTOWEBINAR_WEBHOOK_URL"},
		{"sink without a secret", []string{"sink"}, 1, "", "--secret"},
		{"sink with a bad secret", []string{"sink", "--secret", "hunter2 is no base64"}, 1, "", "whsec_"},
		{"no demo", []string{"demo"}, 2, "", "usage: autowebinar"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := ask(t, nil, test.args...)
			assert.Equal(t, test.code, code, errs)
			assert.Contains(t, out, test.out)
			assert.Contains(t, errs, test.err)
			assert.NotContains(t, errs, "hunter2")
		})
	}
}

func environ(db *mariadbtest.DB, sink string) []string {
	return []string{
		"AUTOWEBINAR_DB_DSN=" + db.DSN, "AUTOWEBINAR_WEBHOOK_URL=" + sink, "AUTOWEBINAR_WEBHOOK_SECRET=" + testSecret,
		"AUTOWEBINAR_LISTEN=127.0.0.1:0", "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:1",
		"WORDPRESS_AUTH_KEY=a", "WORDPRESS_SECURE_AUTH_KEY=b", "WORDPRESS_LOGGED_IN_KEY=c", "WORDPRESS_NONCE_KEY=d",
		"WORDPRESS_AUTH_SALT=e", "WORDPRESS_SECURE_AUTH_SALT=f", "WORDPRESS_LOGGED_IN_SALT=g", "WORDPRESS_NONCE_SALT=h",
	}
}

func TestCheckSaysThatAllIsWell(t *testing.T) {
	t.Parallel()
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, http.MethodHead, r.Method, "check sends no event")
	}))
	defer sink.Close()
	db := mariadbtest.New(t)
	code, out, errs := ask(t, environ(db, sink.URL), "check")
	assert.Equal(t, 0, code, out+errs)
	assert.NotRegexp(t, `(?m)^(fail|unfit)`, out)
	assert.Regexp(t, `ok +salts`, out)
	assert.Regexp(t, `ok +sink`, out)
}

func TestCheckSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	env := replace(environ(db, "http://127.0.0.1:1/"), "AUTOWEBINAR_USERMETA_TABLE=nothing_here")
	env = replace(env, "WORDPRESS_NONCE_SALT=put your unique phrase here")
	code, out, errs := ask(t, env, "check")
	assert.Equal(t, 1, code, errs)
	assert.Regexp(t, `fail +engine +no table nothing_here`, out)
	assert.Regexp(t, `fail +salts .*NONCE_SALT`, out)
	assert.Regexp(t, `fail +sink +no answer`, out)
	assert.Contains(t, out, "→")
	assert.Empty(t, errs)
	for _, secret := range []string{testSecret, "put your unique phrase"} {
		assert.NotContains(t, out, secret)
	}
}

// begin runs a command until the test ends, and waits for what it prints.
func begin(t *testing.T, env []string, pattern string, args ...string) (found []string, stdout *output) {
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
	wanted := regexp.MustCompile(pattern)
	require.Eventually(t, func() bool {
		found = wanted.FindStringSubmatch(stdout.String() + stderr.String())
		return found != nil
	}, time.Minute, 10*time.Millisecond, "waiting for %s", pattern)
	return found, stdout
}

func TestSinkVerifiesAndPrints(t *testing.T) {
	t.Parallel()
	found, out := begin(t, []string{"AUTOWEBINAR_WEBHOOK_SECRET=" + testSecret + ",whsec_other"}, `listening on (\S+)`, "sink", "--listen", "127.0.0.1:0")
	db := mariadbtest.New(t)
	db.AddUser(t, 1, "anna", "")
	env := replace(environ(db, found[1]), "AUTOWEBINAR_SERVICE_KEYS=key-of-the-scenario-engine")
	env = replace(env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:0")
	serving, _ := begin(t, env, `"address":"([^"]+)","admin":"([^"]+)"`, "serve")

	require.Eventually(t, func() bool {
		req, err := http.NewRequest(http.MethodPost, "http://"+serving[1]+"/wp-json/autowebinar/v1/users/1/enter", strings.NewReader(`{"webinar_id":"intro"}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer key-of-the-scenario-engine")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		return res.StatusCode < 300
	}, 20*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "signature ok user=1") }, 20*time.Second, 10*time.Millisecond)

	res, err := http.Post(found[1], "application/json", strings.NewReader(`{"forged":true}`))
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Contains(t, out.String(), "SIGNATURE INVALID")

	code, _, errs := ask(t, replace(env, "AUTOWEBINAR_ADMIN_LISTEN="+serving[2]), "health", "--path", "/readyz")
	assert.Equal(t, 0, code, errs)
	code, _, _ = ask(t, replace(env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:1"), "health")
	assert.Equal(t, 1, code)
}

// replace is the environment with the setting instead of the one of its name.
func replace(env []string, setting string) []string {
	name, _, _ := strings.Cut(setting, "=")
	replaced := []string{setting}
	for _, entry := range env {
		if !strings.HasPrefix(entry, name+"=") {
			replaced = append(replaced, entry)
		}
	}
	return replaced
}

func TestTheReadmeHoldsTheReferenceOfAllSettings(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, reference, _ := ask(t, nil, "config", "--reference")
	assert.Contains(t, string(readme), strings.TrimSpace(reference))
}
