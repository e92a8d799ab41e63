package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

// stopTimeout is longer than the service needs to shut down.
const stopTimeout = 15 * time.Second

// child is a process that runs until its stdin closes, and so cannot outlive
// the demo.
type child struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.Closer
	output *output
	done   chan struct{} // closed when the process has ended
	err    error         // exit error; valid after done is closed
}

type childConfig struct {
	name    string
	command []string
	env     []string       // nil for the environment of the demo
	started *regexp.Regexp // matches the line that the process prints once it is ready
	log     io.Writer      // receives all output; may be nil
}

// startChild starts a process and returns once a line of its output matches.
func startChild(ctx context.Context, cfg childConfig) (c *child, match []string, err error) {
	cmd := exec.Command(cfg.command[0], cfg.command[1:]...)
	cmd.Env = cfg.env
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("demo: %s: %w", cfg.name, err)
	}
	out := &output{started: cfg.started, match: make(chan []string, 1), log: cfg.log}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("demo: %s: %w", cfg.name, err)
	}
	c = &child{name: cfg.name, cmd: cmd, stdin: stdin, output: out, done: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.done)
	}()
	select {
	case match = <-out.match:
		return c, match, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.done:
		err = fmt.Errorf("demo: the %s did not start: %s", cfg.name, out)
	}
	return nil, nil, errors.Join(err, c.close())
}

// close stops the process and waits for it.
func (c *child) close() error {
	c.stdin.Close()
	select {
	case <-c.done:
	case <-time.After(stopTimeout):
		err := c.cmd.Process.Kill()
		<-c.done
		return errors.Join(fmt.Errorf("demo: the %s did not stop in %s", c.name, stopTimeout), err)
	}
	if c.err != nil {
		return fmt.Errorf("demo: %s: %w: %s", c.name, c.err, c.output)
	}
	return nil
}

// output keeps the end of a process's output, and searches it for the line that
// the process prints once it is ready.
type output struct {
	started *regexp.Regexp
	match   chan []string // receives the first match
	log     io.Writer

	mu      sync.Mutex
	matched bool
	text    []byte
}

const outputBytes = 4096

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log != nil {
		_, _ = o.log.Write(p)
	}
	o.text = append(o.text, p...)
	if !o.matched {
		whole := o.text[:strings.LastIndexByte(string(o.text), '\n')+1]
		if match := o.started.FindStringSubmatch(string(whole)); match != nil {
			o.matched = true
			o.match <- match
		}
	}
	o.text = o.text[max(0, len(o.text)-outputBytes):]
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(string(o.text))
}
