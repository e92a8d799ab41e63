// Package mariadbd runs a private MariaDB server: its own data directory, its
// own unix socket in a folder nobody else can enter, and a TCP port on
// 127.0.0.1. The server never outlives the process that started it, however
// that process ends.
//
// It links nothing of the testing package, so that the demo and the
// benchmarks run on the same server as the tests.
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

// Config is what Start needs. The zero value is a throw-away server.
type Config struct {
	// Binary is the mariadbd to run. Empty: Find looks for it.
	Binary string

	// DataDir holds the data and is kept by Close. It is created and filled
	// when it does not exist. Empty: a temporary folder, removed by Close.
	DataDir string

	// Durable makes every commit reach the disk before it is acknowledged, as
	// in production. Otherwise a commit survives the death of the server but
	// not that of the machine.
	Durable bool

	// Port is the TCP port on 127.0.0.1. Zero: a free one, which the server
	// then keeps for all its life.
	Port int

	// BufferPoolMB is the size of InnoDB's buffer pool. Zero: 32.
	BufferPoolMB int

	// Args are further options of mariadbd, after all others.
	Args []string

	// Env are settings of the server's environment, NAME=value, beside those
	// of this process.
	Env []string
}

// Server is one private server. Its methods may be called from several
// goroutines.
type Server struct {
	cfg    Config
	binary string
	home   string // temporary: socket, log, and the data unless Config.DataDir
	data   string

	mu   sync.Mutex
	port int
	proc *process
}

// Start makes a server and returns once it answers. The context bounds the
// start only.
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

// Start starts a server that was stopped or killed, on the same data, socket
// and port. A running one gives ErrRunning.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc.alive() {
		return ErrRunning
	}
	if s.port != 0 {
		return s.run(ctx, s.port)
	}
	// Between finding a free port and listening on it someone else may take it.
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

// Stop ends the server in order and waits for it. The data stays, and Start
// brings the server back. Stopping a stopped server does nothing.
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

// Kill ends the server as a crash would, without any of its own cleaning up.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.proc.alive() {
		return nil
	}
	return s.proc.kill(s.pidFile())
}

// Close stops the server and removes all that was temporary.
func (s *Server) Close() error {
	return errors.Join(s.Stop(), os.RemoveAll(s.home))
}

// Socket is the path of the unix socket. Only the user who started the server
// can reach it, and root needs no password there.
func (s *Server) Socket() string { return filepath.Join(s.home, "sock") }

// Port is the TCP port on 127.0.0.1. The administrator cannot log in there:
// accounts made with CREATE USER can.
func (s *Server) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.port
}

// Addr is the TCP address, host:port.
func (s *Server) Addr() string {
	return net.JoinHostPort(loopback, strconv.Itoa(s.Port()))
}

// AdminDSN is a go-sql-driver DSN with all privileges, over the socket.
// database may be empty.
func (s *Server) AdminDSN(database string) string {
	return s.adminConfig(database).FormatDSN()
}

func (s *Server) adminConfig(database string) *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "unix", s.Socket(), database
	return cfg
}
