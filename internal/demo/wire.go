package demo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/go-sql-driver/mysql"
)

// Wire is the connection between the service and its database, led through this
// process so that it can be cut: connections end, and new ones are closed at
// once, as when the database's machine is gone. It is safe for concurrent use.
type Wire struct {
	listener net.Listener
	network  string // of the database
	address  string
	done     sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	open  map[net.Conn]struct{}
	ended bool
}

// NewWire listens on a loopback port for a database. The returned DSN is the
// given one through the wire. One with TLS is returned as it is, and no wire: a
// certificate is for a host's name.
func NewWire(dsn string) (*Wire, string, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, "", fmt.Errorf("demo: wire: %w", err)
	}
	if cfg.TLSConfig != "" {
		return nil, dsn, nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("demo: wire: %w", err)
	}
	w := &Wire{listener: listener, network: cfg.Net, address: cfg.Addr, open: map[net.Conn]struct{}{}}
	cfg.Net, cfg.Addr = "tcp", listener.Addr().String()
	w.done.Go(w.accept)
	return w, cfg.FormatDSN(), nil
}

// SetCut cuts the wire, or mends it.
func (w *Wire) SetCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		w.closeAll()
	}
}

// Close ends the wire with every connection on it, and waits for that. Nil has
// nothing to end.
func (w *Wire) Close() error {
	if w == nil {
		return nil
	}
	err := w.listener.Close()
	w.mu.Lock()
	w.ended = true
	w.closeAll()
	w.mu.Unlock()
	w.done.Wait()
	return err
}

// closeAll ends what is open; w.mu is held.
func (w *Wire) closeAll() {
	for conn := range w.open {
		conn.Close()
	}
}

func (w *Wire) accept() {
	for {
		conn, err := w.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			w.done.Go(func() { w.carry(conn) })
		}
	}
}

// carry copies both ways until either side ends.
func (w *Wire) carry(client net.Conn) {
	defer client.Close()
	if !w.keep(client) {
		return
	}
	defer w.drop(client)
	database, err := net.Dial(w.network, w.address)
	if err != nil {
		return
	}
	defer database.Close()
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(client, database)
		client.Close()
	}()
	_, _ = io.Copy(database, client)
	database.Close()
	<-back
}

// keep notes a connection, unless the wire is cut.
func (w *Wire) keep(conn net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut || w.ended {
		return false
	}
	w.open[conn] = struct{}{}
	return true
}

func (w *Wire) drop(conn net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, conn)
}
