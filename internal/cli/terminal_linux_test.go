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

// pseudoterminal is a person's end and a program's end.
func pseudoterminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { person.Close() })
	raw, err := person.SyscallConn()
	require.NoError(t, err)
	var number, unlock int32
	require.NoError(t, raw.Control(func(fd uintptr) {
		_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlock)))
		assert.Zero(t, failed)
		_, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGPTN, uintptr(unsafe.Pointer(&number)))
		assert.Zero(t, failed)
	}))
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { program.Close() })
	return person, program
}

// At a terminal a purge asks for a word, and only that word will do; long work
// shows how far it is.
func TestAPurgeAtATerminalWantsAWordTyped(t *testing.T) {
	t.Parallel()
	for answer, deleted := range map[string]bool{"purge all": true, "yes": false, "": false, "purge 1": false} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			x := audience(t)
			person, program := pseudoterminal(t)
			asked := make(chan struct{})
			var screen output
			go func() {
				lines := bufio.NewReader(person)
				question := ""
				for {
					b, err := lines.ReadByte()
					if err != nil {
						return
					}
					_, _ = screen.Write([]byte{b})
					if question += string(b); strings.HasSuffix(question, "to go on: ") {
						close(asked)
					}
				}
			}()
			var out output
			code := make(chan int, 1)
			go func() {
				code <- Run(t.Context(), []string{"purge", "--all"}, Streams{In: program, Out: &out, Err: program}, x.env)
			}()
			select {
			case <-asked:
			case <-time.After(time.Minute):
				t.Fatal("no question: " + screen.String())
			}
			_, err := person.WriteString(answer + "\n")
			require.NoError(t, err)
			assert.Equal(t, 0, <-code)
			assert.Equal(t, deleted, x.count(t, "meta_key LIKE 'autowebinar\\_%'") == 0)
			assert.Equal(t, deleted, strings.Contains(out.String(), "rows deleted"), out.String())
			assert.Equal(t, !deleted, strings.Contains(out.String(), "nothing was deleted"))
			if deleted {
				assert.Eventually(t, func() bool { return strings.Contains(screen.String(), "] 5 of 5") }, time.Minute, 10*time.Millisecond, "%q", screen.String())
			}
		})
	}
}

// The word that is typed is no answer to the doubt whether most users are gone.
func TestATypedWordIsNoForce(t *testing.T) {
	t.Parallel()
	x := audience(t)
	x.exec(t, "DELETE FROM wp_users WHERE ID < 5") // 5 was deleted before
	for _, force := range []bool{false, true} {
		person, program := pseudoterminal(t)
		_, err := person.WriteString("purge orphans\n")
		require.NoError(t, err)
		args := []string{"purge", "--orphans"}
		if force {
			args = append(args, "--force")
		}
		var out, errs output
		code := Run(t.Context(), args, Streams{In: program, Out: &out, Err: &errs}, x.env)
		assert.Equal(t, 0, code, errs.String())
		assert.Equal(t, !force, strings.Contains(errs.String(), "of 5 users with rows, wp_users has 0"), errs.String())
		assert.Equal(t, force, strings.Contains(out.String(), "rows deleted"), out.String())
		assert.Equal(t, !force, strings.Contains(out.String(), "repeat with --yes --force"), out.String())
		assert.Equal(t, force, x.count(t, "meta_key LIKE 'autowebinar\\_%'") == 0)
	}
}
