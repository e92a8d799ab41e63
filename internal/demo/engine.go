package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// engineStop is how long the engine may take to end after its stdin closed.
const engineStop = 5 * time.Second

// engine is the embedded database as a child process. It is a module and a
// program of its own, so that the service neither links nor downloads it.
type engine struct {
	dsn   string
	cmd   *exec.Cmd
	stdin io.Closer // the engine lives until it closes, so it cannot outlive us
	ended chan error
	log   *tail
}

type engineConfig struct {
	beside []string // folders in or below a checkout, to look for the sources
	cache  string   // where the built program is kept
	say    func(string)
}

// runEngine builds the engine unless that is done, starts it, and waits for its
// address.
func runEngine(ctx context.Context, cfg engineConfig) (*engine, error) {
	binary, err := buildEngine(ctx, cfg)
	if err != nil {
		return nil, err
	}
	e := &engine{cmd: exec.Command(binary), ended: make(chan error, 1), log: &tail{}}
	e.cmd.Stderr = e.log
	stdin, err := e.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("demo: embedded engine: %w", err)
	}
	e.stdin = stdin
	stdout, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("demo: embedded engine: %w", err)
	}
	if err := e.cmd.Start(); err != nil {
		return nil, fmt.Errorf("demo: embedded engine: %w", err)
	}
	if err := e.greet(ctx, stdout); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// greet reads the one line that the engine prints, its DSN, and goes on reading
// so that Wait is not called before the end of its output.
func (e *engine) greet(ctx context.Context, stdout io.Reader) error {
	line := make(chan string, 1)
	go func() {
		out := bufio.NewReader(stdout)
		first, _ := out.ReadString('\n')
		line <- strings.TrimSpace(first)
		_, _ = io.Copy(io.Discard, out)
		e.ended <- e.cmd.Wait()
	}()
	select {
	case e.dsn = <-line:
	case <-ctx.Done():
		return ctx.Err()
	}
	if e.dsn == "" {
		return fmt.Errorf("demo: the embedded engine did not start: %s", e.log)
	}
	return nil
}

// close ends the engine and waits for it.
func (e *engine) close() error {
	e.stdin.Close()
	select {
	case err := <-e.ended:
		if err != nil {
			return fmt.Errorf("demo: embedded engine: %w: %s", err, e.log)
		}
		return nil
	case <-time.After(engineStop):
		return errors.Join(fmt.Errorf("demo: the embedded engine did not end in %s", engineStop), e.cmd.Process.Kill(), <-e.ended)
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 2048

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-tailBytes):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
