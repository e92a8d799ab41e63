package servicetest

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An instance that exits by itself, or has a data race, fails its test.
func TestFailuresAreFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		kill   bool
		stop   bool
		log    string
		found  string // empty if there is no failure
	}{
		"killed":             {script: "exec sleep 60", kill: true},
		"stopped":            {script: "exit 0", stop: true},
		"exited":             {script: "exit 0", found: "unexpected exit: exit status 0"},
		"failed":             {script: "exit 1", stop: true, found: "unexpected exit: exit status 1"},
		"aborted":            {script: "kill -ABRT $$", stop: true, found: "unexpected exit: signal: aborted"},
		"panicked":           {script: "exec sleep 60", kill: true, log: "{}\npanic: index out of range", found: "panic: index out of range"},
		"stuck":              {script: "exec sleep 60", kill: true, log: "fatal error: all goroutines are asleep", found: "fatal error: all goroutines are asleep"},
		"raced":              {script: "exec sleep 60", kill: true, log: "{}\n=====\nWARNING: DATA RACE", found: "WARNING: DATA RACE"},
		"logged a panic":     {script: "exec sleep 60", kill: true, log: `{"msg":"panic: no"}`},
		"logged and stopped": {script: "exit 0", stop: true, log: `{"msg":"fatal error: no"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Service{cmd: exec.Command("sh", "-c", test.script), log: &lockedBuffer{}}
			s.stopping.Store(test.stop)
			s.log.add([]byte(test.log))
			require.NoError(t, s.cmd.Start())
			if test.kill {
				require.NoError(t, s.cmd.Process.Signal(syscall.SIGKILL))
			}
			_ = s.cmd.Wait()
			if test.found == "" {
				assert.Empty(t, s.failures())
				return
			}
			require.Len(t, s.failures(), 1)
			assert.Contains(t, s.failures()[0], test.found)
		})
	}
}
