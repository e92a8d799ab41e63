package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

func TestMain(m *testing.M) {
	code := mariadbtest.Run(m)
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// binary builds the program once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "awe2e")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "autowebinar")
	out, err := exec.Command("go", "build", "-race", "-o", path, "../../cmd/autowebinar").CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return path, nil
})

// service is one running instance.
type service struct {
	URL, Admin string

	cmd    *exec.Cmd
	log    *lockedBuffer
	exited chan error
}

// settings are the environment of an instance on a database, with a sink.
func settings(db *mariadbtest.DB, dsn, sink string) map[string]string {
	env := map[string]string{
		"AUTOWEBINAR_LISTEN": "127.0.0.1:0", "AUTOWEBINAR_ADMIN_LISTEN": "127.0.0.1:0",
		"AUTOWEBINAR_DB_DSN":         dsn,
		"AUTOWEBINAR_WEBHOOK_URL":    sink,
		"AUTOWEBINAR_WEBHOOK_SECRET": webhookSecret,
		"AUTOWEBINAR_WEBHOOK_RETRY":  "50ms,100ms,200ms",
		"AUTOWEBINAR_SERVICE_KEYS":   serviceKey,
		"AUTOWEBINAR_WEBINARS":       "intro=3600,pro=600",
		"AUTOWEBINAR_LEAD_META_KEY":  "crm_lead_id",
	}
	for name, value := range salts {
		env["WORDPRESS_"+name] = value
	}
	return env
}

// start runs an instance until the test ends and waits until it listens.
func start(t testing.TB, env map[string]string) *service {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	s := &service{cmd: exec.Command(path, "serve"), log: &lockedBuffer{}, exited: make(chan error, 1)}
	for name, value := range env {
		s.cmd.Env = append(s.cmd.Env, name+"="+value)
	}
	stderr, err := s.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	listening := make(chan struct{})
	go s.read(stderr, listening)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.exited
		if t.Failed() {
			t.Logf("log of the instance:\n%s", s.log.String())
		}
	})
	select {
	case <-listening:
	case err := <-s.exited:
		s.exited <- err
		t.Fatalf("the service ended: %v\n%s", err, s.log.String())
	case <-time.After(20 * time.Second):
		t.Fatalf("the service does not listen:\n%s", s.log.String())
	}
	return s
}

// read keeps the log, and takes the addresses from its first line.
func (s *service) read(stderr io.Reader, listening chan<- struct{}) {
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

// ready waits until the instance says that it is.
func (s *service) ready(t testing.TB) *service {
	t.Helper()
	require.Eventually(t, func() bool { return s.readiness() == http.StatusOK }, 20*time.Second, 20*time.Millisecond, "ready")
	return s
}

func (s *service) readiness() int {
	res, err := http.Get(s.Admin + "/readyz")
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// stop ends the instance as an orchestrator does, and returns how long it took.
func (s *service) stop(t testing.TB) time.Duration {
	t.Helper()
	begun := time.Now()
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-s.exited:
		s.exited <- err
		require.NoError(t, err, s.log.String())
	case <-time.After(15 * time.Second):
		t.Fatal("the service does not stop")
	}
	return time.Since(begun)
}

// lockedBuffer is a log that is written and read at the same time.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) add(line []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Write(line)
	b.buf.WriteByte('\n')
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// through returns the DSN with the server's address replaced.
func through(t testing.TB, dsn, address string) string {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	cfg.Net, cfg.Addr = "tcp", address
	return cfg.FormatDSN()
}

func addressOf(t testing.TB, dsn string) string {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	require.False(t, strings.HasPrefix(cfg.Net, "unix"))
	return cfg.Addr
}
