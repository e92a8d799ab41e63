package mariadbd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	loopback = "127.0.0.1"

	// socketPathMax is the shortest limit of the systems in use for the path
	// of a unix socket, in bytes.
	socketPathMax = 100
)

// makeHome creates the folder of the socket: private, and with a short path.
func makeHome() (string, error) {
	parent := os.TempDir()
	if len(parent)+len("/awdb0123456789/sock") > socketPathMax {
		parent = "/tmp"
	}
	home, err := os.MkdirTemp(parent, "awdb") // 0700
	if err != nil {
		return "", fmt.Errorf("folder of the MariaDB server: %w", err)
	}
	return home, nil
}

// bootstrap creates the data directory if it does not exist: InnoDB's files and the
// grant tables, with root as the only account, over the socket only.
//
// It does the same as mariadb-install-db, which Debian's server package contains
// without the programs that it calls, but leaves out the help texts and the sys schema.
// The directory is renamed into place when it is complete.
func (s *Server) bootstrap(ctx context.Context) error {
	if _, err := os.Stat(s.data); err == nil {
		return nil
	}
	script, err := bootstrapSQL(s.binary)
	if err != nil {
		return err
	}
	partial := s.data + ".new"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := os.MkdirAll(partial, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	args := append(s.common(partial), "--bootstrap", "--log-warnings=0", "--innodb-flush-log-at-trx-commit=0")
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Stdin = script
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: create the system tables: %w: %s", ErrFailed, err, lastLines(out))
	}
	if err := os.Rename(partial, s.data); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

func bootstrapSQL(binary string) (io.Reader, error) {
	scripts, err := systemScripts(binary)
	if err != nil {
		return nil, err
	}
	var sql bytes.Buffer
	sql.WriteString("CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n")
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		sql.Write(text)
		sql.WriteByte('\n')
	}
	// Host names are not resolved, so no TCP connection counts as from localhost.
	sql.WriteString("DELETE FROM global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');\n")
	return &sql, nil
}

// common returns the options for the bootstrap and for the server.
func (s *Server) common(data string) []string {
	pool := s.cfg.BufferPoolMB
	if pool == 0 {
		pool = 32
	}
	args := []string{
		"--no-defaults",
		"--datadir=" + data,
		// A server that starts removes all temporary tables from its tmpdir, even those
		// of other servers.
		"--tmpdir=" + s.home,
		"--innodb-buffer-pool-size=" + strconv.Itoa(pool) + "M",
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_520_ci",
	}
	if os.Geteuid() == 0 {
		args = append(args, "--user=root") // without this it refuses to run as root
	}
	if s.cfg.Durable {
		return append(args, "--innodb-log-file-size=96M", "--innodb-doublewrite=1")
	}
	return append(args, "--innodb-log-file-size=8M", "--innodb-doublewrite=0")
}

func (s *Server) options(port int) []string {
	args := append(s.common(s.data),
		"--socket="+s.Socket(), "--pid-file="+s.pidFile(), "--log-error="+s.logFile(),
		"--bind-address="+loopback, "--port="+strconv.Itoa(port),
		"--skip-name-resolve", "--max-connections=1000",
	)
	if s.cfg.Durable {
		args = append(args, "--innodb-flush-log-at-trx-commit=1", "--innodb-fast-shutdown=1")
	} else {
		args = append(args, "--innodb-flush-log-at-trx-commit=2", "--innodb-fast-shutdown=2")
	}
	return append(args, s.cfg.Args...)
}

func (s *Server) pidFile() string { return filepath.Join(s.home, "pid") }
func (s *Server) logFile() string { return filepath.Join(s.home, "log.err") }

// freePort returns a free port outside the range of outgoing connections, so that it is
// still free when the server is started again.
func freePort(ctx context.Context) (int, error) {
	const first, count, tries = 20000, 12000, 50
	var err error
	for range tries {
		port := first + rand.IntN(count)
		var l net.Listener
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp4", net.JoinHostPort(loopback, strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("free port: %w", err)
}

// logTail returns the end of the server's log, to be appended to an error.
func logTail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		return ""
	}
	return "; its log ends with:\n" + lastLines(text)
}

func lastLines(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}
