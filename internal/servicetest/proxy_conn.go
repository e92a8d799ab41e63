package servicetest

import (
	"net"
	"sync/atomic"
	"time"
)

// link is one connection over a wire.
type proxyConn struct {
	proxy          *FaultProxy
	client, server net.Conn

	dropped  bool // bytes of it were swallowed; guarded by the wire
	parser   statementParser
	override atomic.Pointer[Reply] // of the server's next answer
}

// connect gives the link its other end, unless the wire was cut meanwhile.
func (l *proxyConn) connect(server net.Conn) bool {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	l.server = server
	return l.proxy.conns[l]
}

// pump carries one direction. That an end has gone is news as well: where bytes
// do not pass, the other end does not hear of it.
func (l *proxyConn) forward(from, to net.Conn, carry func(chunk []byte) bool) {
	buffer := make([]byte, 64<<10)
	for over := false; !over; {
		n, err := from.Read(buffer)
		pass, delay := l.proxy.waitToForward(l)
		if delay > 0 {
			time.Sleep(delay)
		}
		over = err != nil
		if pass && n > 0 && !carry(buffer[:n]) {
			over = true
		}
		if over && pass {
			to.Close()
			l.proxy.remove(l)
		}
	}
	from.Close()
}

func (l *proxyConn) ends() []net.Conn {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if l.server == nil {
		return []net.Conn{l.client}
	}
	return []net.Conn{l.client, l.server}
}

func (l *proxyConn) close() {
	for _, end := range l.ends() {
		end.Close()
	}
	l.proxy.remove(l)
}

func (l *proxyConn) reset() {
	for _, end := range l.ends() {
		_ = end.(*net.TCPConn).SetLinger(0)
	}
	l.close()
}
