package usermeta_test

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

	"autowebinar/internal/usermeta"
)

// comQuery is the protocol's command that carries a statement as text.
const comQuery = 3

// fate is what becomes of a connection at a statement.
type fate int

const (
	passes  fate = iota
	unsent       // it breaks before the statement has reached the server
	unheard      // it breaks before the server's answer has reached the client

)

// tap is a TCP proxy before the database, which sees each statement go by.
type tap struct {
	silent atomic.Bool // neither side hears anything more

	mu     sync.Mutex
	server *mysql.Config // of the connections to come
	seen   []string
	fate   func(statement string) fate
}

// tapped is the configuration of a service that reaches its database through a
// tap.
func tapped(t testing.TB, dsn string) (usermeta.Config, *tap) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg := config(t, dsn)
	p := &tap{server: cfg.DSN.Clone()}
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

// turn leads the connections to come to another server. Those that are there
// stay, as they do when a name gets another address.
func (p *tap) turn(t testing.TB, dsn string) {
	t.Helper()
	to := config(t, dsn).DSN
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = to
}

// at decides about the statements to come.
func (p *tap) at(fate func(statement string) fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fate = fate
}

// statements returns what has gone by since the last call.
func (p *tap) statements() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	return seen
}

func (p *tap) serve(ctx context.Context, client net.Conn) {
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
	var doomed atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		p.forward(server, client, &doomed)
		client.Close()
		if !p.silent.Load() { // else the server does not hear of it
			server.Close()
		}
	})
	p.answer(client, server, &doomed)
	client.Close()
	server.Close()
	wg.Wait()
}

// forward passes the client's packets on. Number 0 begins a command; the
// packets of the login have others.
func (p *tap) forward(server io.Writer, client io.Reader, doomed *atomic.Bool) {
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
			switch p.note(packet[4:]) {
			case unsent:
				return
			case unheard:
				doomed.Store(true)
			}
		}
		if p.silent.Load() {
			continue
		}
		if _, err := server.Write(packet); err != nil {
			return
		}
	}
}

func (p *tap) answer(client io.Writer, server io.Reader, doomed *atomic.Bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil && !p.silent.Load() || doomed.Load() {
			return
		}
		if p.silent.Load() {
			_, _ = io.Copy(io.Discard, server)
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *tap) note(command []byte) fate {
	statement := "not a statement"
	if command[0] == comQuery {
		statement = strings.Join(strings.Fields(string(command[1:])), " ")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, statement)
	if p.fate == nil {
		return passes
	}
	return p.fate(statement)
}
