package cli

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newPseudoterminal returns both ends of a pseudoterminal: the user's and the
// program's.
func newPseudoterminal(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { user.Close() })
	raw, err := user.SyscallConn()
	require.NoError(t, err)
	var number, unlock int32
	require.NoError(t, raw.Control(func(fd uintptr) {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlock)))
		assert.Zero(t, errno)
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGPTN, uintptr(unsafe.Pointer(&number)))
		assert.Zero(t, errno)
	}))
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { program.Close() })
	return user, program
}

// At a terminal, purge prompts for a phrase, accepts no other, and shows a progress
// bar.
func TestPurgeAtTerminalPrompts(t *testing.T) {
	t.Parallel()
	for answer, deleted := range map[string]bool{"purge all": true, "yes": false, "": false, "purge 1": false} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			f := newIntroFixture(t)
			user, program := newPseudoterminal(t)
			prompted := make(chan struct{})
			var screen output
			go func() {
				reader := bufio.NewReader(user)
				line := ""
				for {
					b, err := reader.ReadByte()
					if err != nil {
						return
					}
					_, _ = screen.Write([]byte{b})
					if line += string(b); strings.HasSuffix(line, "to continue: ") {
						close(prompted)
					}
				}
			}()
			var out output
			code := make(chan int, 1)
			go func() {
				code <- Run(t.Context(), []string{"purge", "--all"}, Streams{In: program, Out: &out, Err: program}, f.env)
			}()
			select {
			case <-prompted:
			case <-time.After(time.Minute):
				t.Fatal("no prompt: " + screen.String())
			}
			_, err := user.WriteString(answer + "\n")
			require.NoError(t, err)
			assert.Equal(t, 0, <-code)
			assert.Equal(t, deleted, f.count(t, "meta_key LIKE 'autowebinar\\_%'") == 0)
			assert.Equal(t, deleted, strings.Contains(out.String(), "rows deleted"), out.String())
			assert.Equal(t, !deleted, strings.Contains(out.String(), "nothing was deleted"))
			if deleted {
				assert.Eventually(t, func() bool { return strings.Contains(screen.String(), "] 5 of 5") }, time.Minute, 10*time.Millisecond, "%q", screen.String())
			}
		})
	}
}

func TestPromptDoesNotReplaceForce(t *testing.T) {
	t.Parallel()
	f := newIntroFixture(t)
	f.exec(t, "DELETE FROM wp_users WHERE ID < 5") // user 5 was deleted before
	for _, force := range []bool{false, true} {
		user, program := newPseudoterminal(t)
		_, err := user.WriteString("purge orphans\n")
		require.NoError(t, err)
		args := []string{"purge", "--orphans"}
		if force {
			args = append(args, "--force")
		}
		var out, errs output
		code := Run(t.Context(), args, Streams{In: program, Out: &out, Err: &errs}, f.env)
		assert.Equal(t, 0, code, errs.String())
		assert.Equal(t, !force, strings.Contains(errs.String(), "wp_users contains only 0 of 5 users with rows"), errs.String())
		assert.Equal(t, force, strings.Contains(out.String(), "rows deleted"), out.String())
		assert.Equal(t, !force, strings.Contains(out.String(), "repeat with --yes --force"), out.String())
		assert.Equal(t, force, f.count(t, "meta_key LIKE 'autowebinar\\_%'") == 0)
	}
}
