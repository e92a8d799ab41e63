// Package progresstest reports which tests of a package are running. Go prints
// only a summary of a package that passes, and the output of t.Log only after the
// test has ended, so that a package that takes minutes seems to hang.
//
// mariadbtest.Run and servicetest.Run start the reports, and every test that uses
// a database or an instance of the service is tracked. A test that runs for long
// without either must call Track.
package progresstest

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Env names the file to which the lines are appended instead of standard error,
// which "go test" withholds when it runs several packages:
//
//	TEST_PROGRESS=/proc/$$/fd/2 go test ./...
const Env = "TEST_PROGRESS"

// interval is the time between two reports. A package whose tests take less
// prints none.
const interval = 30 * time.Second

// current is the progress of this test binary. It is a package variable because
// TestMain cannot pass values to tests.
var current = &progress{started: time.Now(), running: map[string]int{}, out: output()}

type progress struct {
	started time.Time

	mu      sync.Mutex
	running map[string]int // tests by name, with how many times each is tracked
	out     io.Writer
}

func output() io.Writer {
	if path := os.Getenv(Env); path != "" {
		if file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0); err == nil {
			return file
		}
	}
	return os.Stderr
}

// Start reports every 30 seconds which tracked tests are running, until stop is
// called.
func Start() (stop func()) {
	done := make(chan struct{})
	go current.reportEvery(interval, done)
	return sync.OnceFunc(func() { close(done) })
}

// Track includes t in the reports until it ends.
func Track(t testing.TB) {
	current.add(t.Name(), 1)
	t.Cleanup(func() { current.add(t.Name(), -1) })
}

// Printf writes a line immediately.
func Printf(format string, args ...any) { current.print(fmt.Sprintf(format, args...)) }

func (p *progress) add(name string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running[name] += n; p.running[name] == 0 {
		delete(p.running, name)
	}
}

func (p *progress) reportEvery(interval time.Duration, done <-chan struct{}) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			p.print("running: " + p.names())
		}
	}
}

// names lists the tracked tests, without those whose subtests are listed.
func (p *progress) names() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := slices.Sorted(maps.Keys(p.running))
	names = slices.DeleteFunc(names, func(name string) bool {
		return slices.ContainsFunc(names, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})
	if len(names) == 0 {
		return "tests that are not tracked"
	}
	return strings.Join(names, ", ")
}

// print writes a line that begins with the package and the time since its start.
func (p *progress) print(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".test")
	fmt.Fprintf(p.out, "%s: %s: %s\n", name, time.Since(p.started).Round(time.Second), text)
}
