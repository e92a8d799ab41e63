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
	// Sites and people spend their time waiting: as many tests at once as there
	// are processors would wait one after the other.
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

// machines are what all sites of the tests share: a database server, PHP and a
// browser. TestMain and the tests have nothing else in common.
var servers sharedServers

type sharedServers struct {
	once    sync.Once
	err     error
	home    string // of sockets and logs: a short path
	server  *mariadbd.Server
	php     *process
	mu      sync.Mutex
	browser *browser
}

// open starts database and PHP when first asked.
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
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
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

// process is a server in the background.
type process struct {
	cmd    *exec.Cmd
	log    string // path of what it prints
	exited chan struct{}
}

func startProcess(w *tools, folder, name string, args ...string) (*process, error) {
	out, err := os.CreateTemp(folder, filepath.Base(name)+"-*.out")
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

// await waits until the server is ready.
func (p *process) waitUntil(ready func() bool) error {
	for begun := time.Now(); time.Since(begun) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		isReady := ready() // asked first: what has ended since is not
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
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
