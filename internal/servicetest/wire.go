package servicetest

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Wire is a TCP connection to a server that can be cut and mended.
type Wire struct {
	Address string
	target  string

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
}

func NewWire(t testing.TB, target string) *Wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &Wire{Address: listener.Addr().String(), target: target, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { listener.Close(); w.Cut() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go w.carry(client)
		}
	}()
	return w
}

func (w *Wire) carry(client net.Conn) {
	server, err := net.Dial("tcp", w.target)
	if err != nil || !w.keep(client, server) {
		client.Close()
		if err == nil {
			server.Close()
		}
		return
	}
	go func() { _, _ = io.Copy(server, client); server.Close(); client.Close() }()
	_, _ = io.Copy(client, server)
	server.Close()
	client.Close()
}

func (w *Wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range conns {
		w.conns[conn] = true
	}
	return !w.down
}

func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = true
	for conn := range w.conns {
		conn.Close()
	}
	clear(w.conns)
}

func (w *Wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = false
}
