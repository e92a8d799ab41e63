package site

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/servicetest"
)

func TestMain(m *testing.M) {
	// The tests spend their time waiting, so more run at once than there are cores.
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	code := servicetest.Run(m)
	if err := servers.close(); err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// servers are shared by all sites. They are a package variable because TestMain
// cannot pass values to tests.
var servers sharedServers

// sharedServers are a database server, PHP and a browser.
type sharedServers struct {
	once    sync.Once
	err     error
	home    string // of sockets and logs; a short path, which sockets need
	server  *mariadbd.Server
	php     *process
	mu      sync.Mutex
	browser *browser
}

// open starts the database server and PHP at the first call.
func (s *sharedServers) open(t testing.TB) *sharedServers {
	t.Helper()
	w := requireTools(t)
	s.once.Do(func() { s.err = s.start(w) })
	require.NoError(t, s.err)
	return s
}

func (s *sharedServers) start(w *tools) (err error) {
	if s.home, err = os.MkdirTemp("", "awsite"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	if s.server, err = mariadbd.Start(ctx, mariadbd.Config{BufferPoolMB: 128}); err != nil {
		return err
	}
	text, err := os.ReadFile("testdata/php-fpm.conf")
	if err != nil {
		return err
	}
	conf := filepath.Join(s.home, "php-fpm.conf")
	if err := os.WriteFile(conf, []byte(strings.ReplaceAll(string(text), "{home}", s.home)), 0o600); err != nil {
		return err
	}
	s.php, err = startProcess(w, s.home, w.fpm, append(w.phpOptions, "--nodaemonize", "--allow-to-run-as-root", "--fpm-config", conf)...)
	if err != nil {
		return err
	}
	return s.php.waitUntil(func() bool { return exists(s.fpm()) })
}

func (s *sharedServers) fpm() string { return filepath.Join(s.home, "fpm") }

func (s *sharedServers) close() error {
	var errs []error
	if s.browser != nil {
		errs = append(errs, s.browser.close())
	}
	if s.php != nil {
		s.php.stop()
	}
	if s.server != nil {
		errs = append(errs, s.server.Close())
	}
	if s.home != "" {
		errs = append(errs, os.RemoveAll(s.home))
	}
	return errors.Join(errs...)
}

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	log    string // path of its output
	exited chan struct{}
}

func startProcess(w *tools, dir, name string, args ...string) (*process, error) {
	out, err := os.CreateTemp(dir, filepath.Base(name)+"-*.out")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(name, args...), log: out.Name(), exited: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = w.environment(), out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // if the tests are killed
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// waitUntil waits until the server is ready.
func (p *process) waitUntil(ready func() bool) error {
	for begun := time.Now(); time.Since(begun) < waitTimeout; time.Sleep(5 * time.Millisecond) {
		isReady := ready() // once before the check that the process still runs
		select {
		case <-p.exited:
			return p.failure("ended")
		default:
		}
		if isReady {
			return nil
		}
	}
	return p.failure("did not start")
}

func (p *process) failure(how string) error {
	text, _ := os.ReadFile(p.log)
	return fmt.Errorf("%s %s: %s", p.cmd.Path, how, text)
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(time.Minute):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
