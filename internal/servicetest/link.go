package servicetest

import (
	"net"
	"sync/atomic"
	"time"
)

// link is one connection over a wire.
type link struct {
	wire           *Wire
	client, server net.Conn

	lost    bool // bytes of it were swallowed; guarded by the wire
	asked   statements
	instead atomic.Pointer[Reply] // of the server's next answer
}

// connect gives the link its other end, unless the wire was cut meanwhile.
func (l *link) connect(server net.Conn) bool {
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	l.server = server
	return l.wire.links[l]
}

// pump carries one direction. That an end has gone is news as well: where bytes
// do not pass, the other end does not hear of it.
func (l *link) pump(from, to net.Conn, carry func(chunk []byte) bool) {
	buffer := make([]byte, 64<<10)
	for over := false; !over; {
		n, err := from.Read(buffer)
		pass, delay := l.wire.passage(l)
		if delay > 0 {
			time.Sleep(delay)
		}
		over = err != nil
		if pass && n > 0 && !carry(buffer[:n]) {
			over = true
		}
		if over && pass {
			to.Close()
			l.wire.forget(l)
		}
	}
	from.Close()
}

func (l *link) ends() []net.Conn {
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	if l.server == nil {
		return []net.Conn{l.client}
	}
	return []net.Conn{l.client, l.server}
}

func (l *link) close() {
	for _, end := range l.ends() {
		end.Close()
	}
	l.wire.forget(l)
}

func (l *link) reset() {
	for _, end := range l.ends() {
		_ = end.(*net.TCPConn).SetLinger(0)
	}
	l.close()
}
