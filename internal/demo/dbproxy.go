package demo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/go-sql-driver/mysql"
)

// DatabaseProxy forwards connections to the database, and can simulate an outage:
// it closes all connections, and new ones as soon as they are accepted. It is
// safe for concurrent use.
type DatabaseProxy struct {
	listener net.Listener
	network  string // of the database
	address  string
	done     sync.WaitGroup

	mu     sync.Mutex
	down   bool
	conns  map[net.Conn]struct{}
	closed bool
}

// NewDatabaseProxy listens on a loopback port and returns the DSN through it. For
// a DSN with TLS it returns no proxy and the DSN unchanged, because the server's
// certificate would not match the proxy's address.
func NewDatabaseProxy(dsn string) (*DatabaseProxy, string, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, "", fmt.Errorf("demo: database proxy: %w", err)
	}
	if cfg.TLSConfig != "" {
		return nil, dsn, nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("demo: database proxy: %w", err)
	}
	p := &DatabaseProxy{listener: listener, network: cfg.Net, address: cfg.Addr, conns: map[net.Conn]struct{}{}}
	cfg.Net, cfg.Addr = "tcp", listener.Addr().String()
	p.done.Go(p.accept)
	return p, cfg.FormatDSN(), nil
}

// SetDown starts or ends the outage.
func (p *DatabaseProxy) SetDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	if down {
		p.closeAll()
	}
}

// Close ends all connections and waits for them. It does nothing on a nil proxy.
func (p *DatabaseProxy) Close() error {
	if p == nil {
		return nil
	}
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.closeAll()
	p.mu.Unlock()
	p.done.Wait()
	return err
}

// closeAll closes all connections. The caller must have locked p.mu.
func (p *DatabaseProxy) closeAll() {
	for conn := range p.conns {
		conn.Close()
	}
}

func (p *DatabaseProxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.done.Go(func() { p.forward(conn) })
		}
	}
}

// forward copies in both directions until either side closes.
func (p *DatabaseProxy) forward(client net.Conn) {
	defer client.Close()
	if !p.add(client) {
		return
	}
	defer p.remove(client)
	database, err := net.Dial(p.network, p.address)
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

// add registers a connection. It returns false during an outage and after Close.
func (p *DatabaseProxy) add(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down || p.closed {
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *DatabaseProxy) remove(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}
