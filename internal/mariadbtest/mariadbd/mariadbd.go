// Package mariadbd runs a private MariaDB server with its own data directory, a unix
// socket in a folder that only its user can enter, and a TCP port on 127.0.0.1. The
// server never outlives the process that started it, even if that process is killed.
//
// The package does not import testing: the demo uses it as well.
package mariadbd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/go-sql-driver/mysql"
)

// Errors of this package. ErrNotFound is also what Find returns for a binary
// that is not MariaDB's.
var (
	ErrNotFound = errors.New("no MariaDB server found")
	ErrRunning  = errors.New("the MariaDB server is already running")
	ErrFailed   = errors.New("the MariaDB server failed")
)

// Config configures a server. The zero value is a temporary server.
type Config struct {
	// Binary is the mariadbd to run. If it is empty, Find searches for it.
	Binary string

	// DataDir contains the data, and Close does not remove it. It is created if it does
	// not exist. If it is empty, a temporary folder is used, and removed by Close.
	DataDir string

	// Durable writes every commit to the disk before it is acknowledged, as in
	// production. Otherwise a commit survives a crash of the server but not of the
	// machine.
	Durable bool

	// Port is the TCP port on 127.0.0.1. Zero means a free port, which the server keeps
	// when it is started again.
	Port int

	// BufferPoolMB is the size of InnoDB's buffer pool. Zero means 32.
	BufferPoolMB int

	// Args are additional options of mariadbd, after all others.
	Args []string

	// Env is added to the environment of this process, as NAME=value.
	Env []string
}

// Server is a private server. Its methods are safe for concurrent use.
type Server struct {
	cfg    Config
	binary string
	home   string // temporary: socket, log, and the data unless Config.DataDir
	data   string

	mu   sync.Mutex
	port int
	proc *process
}

// Start creates and starts a server, and returns once it accepts connections. The
// context limits the start only.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	binary := cfg.Binary
	if binary == "" {
		var err error
		if binary, err = Find(os.Getenv); err != nil {
			return nil, err
		}
	}
	home, err := makeHome()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, binary: binary, home: home, data: cfg.DataDir, port: cfg.Port}
	if s.data == "" {
		s.data = filepath.Join(home, "data")
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if err := s.bootstrap(ctx); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Start starts a server that was stopped or killed, with the same data, socket and
// port. It returns ErrRunning if the server is running.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc.alive() {
		return ErrRunning
	}
	if s.port != 0 {
		return s.run(ctx, s.port)
	}
	// Another process may take the port before the server listens on it.
	var err error
	for range 3 {
		var port int
		if port, err = freePort(ctx); err != nil {
			return err
		}
		if err = s.run(ctx, port); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (s *Server) run(ctx context.Context, port int) error {
	proc, err := launch(s.home, s.binary, s.options(port), s.cfg.Env)
	if err != nil {
		return err
	}
	if err := proc.ready(ctx, s.adminConfig("")); err != nil {
		proc.kill(s.pidFile())
		return fmt.Errorf("%w: %w%s", ErrFailed, err, logTail(s.logFile()))
	}
	s.proc, s.port = proc, port
	return nil
}

// Stop shuts the server down and waits until it has exited. The data remains, and Start
// starts the server again. Stopping a stopped server does nothing.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.proc.alive() {
		return nil
	}
	if err := s.proc.stop(s.pidFile()); err != nil {
		return fmt.Errorf("%w: %w%s", ErrFailed, err, logTail(s.logFile()))
	}
	return nil
}

// Kill kills the server with SIGKILL, as in a crash.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.proc.alive() {
		return nil
	}
	return s.proc.kill(s.pidFile())
}

// Close stops the server and removes its temporary files.
func (s *Server) Close() error {
	return errors.Join(s.Stop(), os.RemoveAll(s.home))
}

// Socket returns the path of the unix socket. Only the user who started the server can
// connect to it, and root needs no password there.
func (s *Server) Socket() string { return filepath.Join(s.home, "sock") }

// Port returns the TCP port on 127.0.0.1. Accounts that were created with CREATE USER
// can log in there; the administrator cannot.
func (s *Server) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.port
}

// Addr returns the TCP address, host:port.
func (s *Server) Addr() string {
	return net.JoinHostPort(loopback, strconv.Itoa(s.Port()))
}

// AdminDSN returns a go-sql-driver DSN with all privileges, over the socket. database
// may be empty.
func (s *Server) AdminDSN(database string) string {
	return s.adminConfig(database).FormatDSN()
}

func (s *Server) adminConfig(database string) *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "unix", s.Socket(), database
	return cfg
}
