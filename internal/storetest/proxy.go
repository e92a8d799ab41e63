package storetest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/wpdb"
)

// comQuery is the protocol's command for a statement as text.
const comQuery = 3

// Fault is what a proxy does to a connection at a statement.
type Fault int

// The faults that a proxy injects.
const (
	Pass              Fault = iota
	BreakBeforeServer       // break the connection before the statement reaches the server
	BreakBeforeClient       // break the connection before the reply reaches the client
)

// Proxy is a TCP proxy in front of a database. It records the statements that
// pass.
type Proxy struct {
	Silent atomic.Bool // forward nothing in either direction, and keep the connections open

	mu     sync.Mutex
	server *mysql.Config // of new connections
	seen   []string
	fault  func(statement string) Fault
}

// NewProxy starts a proxy in front of a database and returns the configuration
// that connects through it.
func NewProxy(t testing.TB, dsn string) (wpdb.Config, *Proxy) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg := Config(t, dsn)
	p := &Proxy{server: cfg.DSN.Clone()}
	cfg.DSN.Net, cfg.DSN.Addr = "tcp", listener.Addr().String()
	cfg.DSN.Logger = &mysql.NopLogger{}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(t.Context(), client) })
		}
	})
	return cfg, p
}

// Redirect sends new connections to another server. Existing connections
// remain, as when a host name gets another address.
func (p *Proxy) Redirect(t testing.TB, dsn string) {
	t.Helper()
	server := Config(t, dsn).DSN
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = server
}

// SetFault sets the function that returns the fault for each further statement.
func (p *Proxy) SetFault(fault func(statement string) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// Statements returns the statements since the last call.
func (p *Proxy) Statements() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	return seen
}

func (p *Proxy) serve(ctx context.Context, client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	to := p.server
	p.mu.Unlock()
	server, err := new(net.Dialer).DialContext(ctx, to.Net, to.Addr)
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { server.Close() })()
	var breakReply atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		p.forwardCommands(server, client, &breakReply)
		client.Close()
		if !p.Silent.Load() { // otherwise the server must not notice that the client has closed
			server.Close()
		}
	})
	p.forwardReplies(client, server, &breakReply)
	client.Close()
	server.Close()
	wg.Wait()
}

// forwardCommands forwards packets of the client. Number 0 begins a command; the
// packets of the login have other numbers.
func (p *Proxy) forwardCommands(server io.Writer, client io.Reader, breakReply *atomic.Bool) {
	for {
		packet := make([]byte, 4)
		if _, err := io.ReadFull(client, packet); err != nil {
			return
		}
		size := binary.LittleEndian.Uint32([]byte{packet[0], packet[1], packet[2], 0})
		packet = append(packet, make([]byte, size)...)
		if _, err := io.ReadFull(client, packet[4:]); err != nil {
			return
		}
		if packet[3] == 0 {
			switch p.record(packet[4:]) {
			case BreakBeforeServer:
				return
			case BreakBeforeClient:
				breakReply.Store(true)
			}
		}
		if p.Silent.Load() {
			continue
		}
		if _, err := server.Write(packet); err != nil {
			return
		}
	}
}

func (p *Proxy) forwardReplies(client io.Writer, server io.Reader, breakReply *atomic.Bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil && !p.Silent.Load() || breakReply.Load() {
			return
		}
		if p.Silent.Load() {
			_, _ = io.Copy(io.Discard, server)
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *Proxy) record(command []byte) Fault {
	statement := "not a statement"
	if command[0] == comQuery {
		statement = strings.Join(strings.Fields(string(command[1:])), " ")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, statement)
	if p.fault == nil {
		return Pass
	}
	return p.fault(statement)
}
