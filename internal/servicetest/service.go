// Package servicetest runs the service for tests from outside: the real binary, built
// with the race detector, with viewers who are logged in as WordPress does it, a
// receiver that verifies signatures with a third-party library, and a proxy that
// injects faults into connections to the database.
package servicetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/progresstest"
)

// startTimeout is how long an instance may take to start, to respond or to stop on a
// busy machine. The documented limits of the service are tested separately.
const startTimeout = 2 * time.Minute

// Main is the body of a TestMain. It runs the tests, removes the binary and the
// database server that they used, and exits. Like mariadbtest.Main it reports which
// tests are running.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is like Main, but returns the exit code instead of exiting, for a TestMain
// that has more to clean up.
func Run(m *testing.M) int {
	code := mariadbtest.Run(m)
	for _, dir := range sharedDirs {
		os.RemoveAll(dir)
	}
	return code
}

// sharedBinary builds the binary for all tests of a package.
var sharedBinary = sync.OnceValues(func() (string, error) { return buildShared("-race") })

var (
	sharedMu   sync.Mutex
	sharedDirs []string // removed by Run
)

func buildShared(flags ...string) (path string, err error) {
	dir, err := os.MkdirTemp("", "awservice")
	if err != nil {
		return "", err
	}
	sharedMu.Lock()
	sharedDirs = append(sharedDirs, dir)
	sharedMu.Unlock()
	path = filepath.Join(dir, "autowebinar")
	return path, build(path, flags...)
}

// Build builds a binary for one test, with additional flags of go build.
func Build(t testing.TB, flags ...string) (path string) {
	t.Helper()
	progresstest.Track(t)
	path = filepath.Join(t.TempDir(), "autowebinar")
	require.NoError(t, build(path, flags...))
	return path
}

func build(path string, flags ...string) error {
	args := append([]string{"build", "-o", path}, flags...)
	out, err := exec.Command("go", append(args, "autowebinar/cmd/autowebinar")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// Service is one running instance.
type Service struct {
	URL, Admin string

	cmd      *exec.Cmd
	log      *lockedBuffer
	exited   chan error
	stopping atomic.Bool // Stop was called
}

// Settings returns the environment of an instance with a database and a receiver.
func Settings(dsn, receiver string) map[string]string {
	env := map[string]string{
		"AUTOWEBINAR_LISTEN": "127.0.0.1:0", "AUTOWEBINAR_ADMIN_LISTEN": "127.0.0.1:0",
		"AUTOWEBINAR_DB_DSN":         dsn,
		"AUTOWEBINAR_WEBHOOK_URL":    receiver,
		"AUTOWEBINAR_WEBHOOK_SECRET": WebhookSecret,
		"AUTOWEBINAR_WEBHOOK_RETRY":  "50ms,100ms,200ms",
		"AUTOWEBINAR_SERVICE_KEYS":   ServiceKey,
		"AUTOWEBINAR_WEBINARS":       "intro=3600,pro=600",
		"AUTOWEBINAR_LEAD_META_KEY":  "crm_lead_id",
	}
	for name, value := range Salts {
		env["WORDPRESS_"+name] = value
	}
	return env
}

// Start runs an instance until the test ends, and waits until it listens.
func Start(t testing.TB, env map[string]string) *Service {
	t.Helper()
	path, err := sharedBinary()
	require.NoError(t, err)
	return StartBinary(t, path, env)
}

// StartBinary is Start with another binary.
func StartBinary(t testing.TB, path string, env map[string]string) *Service {
	t.Helper()
	progresstest.Track(t)
	s := &Service{cmd: exec.Command(path, "serve"), log: &lockedBuffer{}, exited: make(chan error, 1)}
	for name, value := range env {
		s.cmd.Env = append(s.cmd.Env, name+"="+value)
	}
	stderr, err := s.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	listening := make(chan struct{})
	go s.read(stderr, listening)
	t.Cleanup(func() {
		s.Kill()
		assert.Empty(t, s.failures(), "failures of an instance")
		assert.Empty(t, leaks(s.log.String(), env), "secrets in the log")
		if t.Failed() {
			text := s.log.String()
			t.Logf("errors of the instance:\n%s", errorLines(text))
			t.Logf("end of the log of the instance:\n%s", text[max(0, len(text)-maxPrinted):])
		}
	})
	select {
	case <-listening:
	case err := <-s.exited:
		s.exited <- err
		t.Fatalf("the service exited: %v\n%s", err, s.log.String())
	case <-time.After(startTimeout):
		t.Fatalf("the service does not listen:\n%s", s.log.String())
	}
	return s
}

// failures returns the failures of an instance that has exited: an unexpected exit,
// and messages of the runtime and the race detector.
func (s *Service) failures() (found []string) {
	status := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !(status.Signaled() && status.Signal() == syscall.SIGKILL || status.ExitStatus() == 0 && s.stopping.Load()) {
		found = append(found, "unexpected exit: "+s.cmd.ProcessState.String())
	}
	log := "\n" + s.log.String()
	for _, words := range []string{"\npanic: ", "\nfatal error: ", "\nWARNING: DATA RACE"} {
		if _, after, there := strings.Cut(log, words); there {
			found = append(found, words[1:]+after[:min(len(after), maxPrinted)])
		}
	}
	return found
}

// errorLines returns the first errors in a log, and lines that are not JSON, such as
// reports of the race detector.
func errorLines(log string) string {
	var found strings.Builder
	for line := range strings.Lines(log) {
		isOrdinary := strings.HasPrefix(line, "{") && !strings.Contains(line, `"level":"ERROR"`)
		if !isOrdinary && found.Len() < maxPrinted {
			found.WriteString(line)
		}
	}
	return found.String()
}

// read stores the log, and gets the addresses from its first line.
func (s *Service) read(stderr io.Reader, listening chan<- struct{}) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		s.log.add(lines.Bytes())
		var line struct{ Msg, Address, Admin string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			s.URL, s.Admin = "http://"+line.Address, "http://"+line.Admin
			close(listening)
		}
	}
	s.exited <- s.cmd.Wait()
}

// Ready waits until the instance reports that it is ready.
func (s *Service) Ready(t testing.TB) *Service {
	t.Helper()
	require.Eventually(t, func() bool { return s.Readiness() == http.StatusOK }, startTimeout, 20*time.Millisecond, "ready")
	return s
}

func (s *Service) Readiness() int {
	res, err := http.Get(s.Admin + "/readyz")
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// Stop stops the instance with SIGTERM, and returns how long that took.
func (s *Service) Stop(t testing.TB) time.Duration {
	t.Helper()
	begun := time.Now()
	s.stopping.Store(true)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-s.exited:
		s.exited <- err
		require.NoError(t, err, s.log.String())
	case <-time.After(startTimeout):
		t.Fatal("the service does not stop")
	}
	return time.Since(begun)
}

// Kill kills the instance with SIGKILL and waits until it has exited.
func (s *Service) Kill() {
	_ = s.cmd.Process.Kill()
	err := <-s.exited
	s.exited <- err
}

// Time returns the time of the instance's clock, or zero if it does not respond.
func (s *Service) Time() time.Time {
	client := http.Client{Timeout: startTimeout}
	res, err := client.Get(s.Admin + "/status.json")
	if err != nil {
		return time.Time{}
	}
	defer res.Body.Close()
	var status struct{ At time.Time }
	_ = json.NewDecoder(res.Body).Decode(&status)
	return status.At
}

// PID returns the process id.
func (s *Service) PID() int { return s.cmd.Process.Pid }

// Log returns what the instance has logged so far.
func (s *Service) Log() string { return s.log.String() }

// The maximum sizes of a log that is stored, and of one that is printed when a
// test has failed.
const (
	maxLog     = 64 << 20
	maxPrinted = 4 << 10
)

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) add(line []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Write(line)
	b.buf.WriteByte('\n')
	if b.buf.Len() > maxLog {
		b.buf.Next(maxLog / 2)
	}
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// WithAddress returns a DSN with another address of the server.
func WithAddress(t testing.TB, dsn, address string) string {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	cfg.Net, cfg.Addr = "tcp", address
	return cfg.FormatDSN()
}

// AddressOf returns the TCP address of the server in a DSN.
func AddressOf(t testing.TB, dsn string) string {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	require.False(t, strings.HasPrefix(cfg.Net, "unix"))
	return cfg.Addr
}
