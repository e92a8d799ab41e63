package mariadbd

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// supervisor runs the server and reads from a pipe of this process. A line requests a
// shutdown. The end of the pipe means that this process has exited or was killed;
// then the supervisor removes the folder $1 as well.
//
// A terminal sends its interrupt to the whole process group. The supervisor ignores it,
// so that the server does not exit before the program that uses it.
const supervisor = `
trap '' INT
home=$1; shift
exec 3<&0
"$@" </dev/null 3<&- & server=$!
( read -r _ <&3 || : >"$home/orphan"; kill "$server" ) >/dev/null 2>&1 & watcher=$!
exec 3<&-
wait "$server"; code=$?
kill "$watcher" 2>/dev/null
if [ -e "$home/orphan" ]; then rm -rf "$home"; fi
exit "$code"
`

const stopTimeout = 2 * time.Minute

// process is one run of the server.
type process struct {
	pipe io.WriteCloser
	done chan struct{} // closed when the server has exited
	err  error         // of the exit; valid after done
}

func launch(home, binary string, args, env []string) (*process, error) {
	cmd := exec.Command("sh", append([]string{"-c", supervisor, "sh", home, binary}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	p := &process{pipe: pipe, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) alive() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// ready waits until the server accepts connections.
func (p *process) ready(ctx context.Context, cfg *mysql.Config) error {
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()

	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return fmt.Errorf("it exited at once: %w", p.err)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if db.PingContext(ctx) == nil {
				return nil
			}
		}
	}
}

func (p *process) stop(pidFile string) error {
	if _, err := io.WriteString(p.pipe, "stop\n"); err != nil && p.alive() {
		return errors.Join(err, p.kill(pidFile))
	}
	select {
	case <-p.done:
		return p.err
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("it did not stop in %s", stopTimeout), p.kill(pidFile))
	}
}

// kill sends SIGKILL. The server writes its pid file only when it has started; before
// that, kill requests a shutdown.
func (p *process) kill(pidFile string) error {
	pid, err := readPID(pidFile)
	if err != nil {
		_, _ = io.WriteString(p.pipe, "stop\n")
		<-p.done
		return nil
	}
	server, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	if err := server.Kill(); err != nil && p.alive() {
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	<-p.done
	return os.RemoveAll(pidFile)
}

func readPID(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
