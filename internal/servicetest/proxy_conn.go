package servicetest

import (
	"net"
	"sync/atomic"
	"time"
)

// proxyConn is a connection through a proxy.
type proxyConn struct {
	proxy          *FaultProxy
	client, server net.Conn

	dropped  bool // bytes were dropped; guarded by the mutex of the proxy
	parser   statementParser
	override atomic.Pointer[Reply] // of the server's next response
}

// connect sets the server's end, unless the connection has been removed.
func (c *proxyConn) connect(server net.Conn) bool {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	c.server = server
	return c.proxy.conns[c]
}

// forward copies one direction. When from is closed, it closes to, unless bytes
// are being dropped: then the close is lost as well.
func (c *proxyConn) forward(from, to net.Conn, write func(chunk []byte) bool) {
	buffer := make([]byte, 64<<10)
	for closed := false; !closed; {
		n, err := from.Read(buffer)
		pass, delay := c.proxy.waitToForward(c)
		if delay > 0 {
			time.Sleep(delay)
		}
		closed = err != nil
		if pass && n > 0 && !write(buffer[:n]) {
			closed = true
		}
		if closed && pass {
			to.Close()
			c.proxy.removeConn(c)
		}
	}
	from.Close()
}

func (c *proxyConn) ends() []net.Conn {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	if c.server == nil {
		return []net.Conn{c.client}
	}
	return []net.Conn{c.client, c.server}
}

func (c *proxyConn) close() {
	for _, end := range c.ends() {
		end.Close()
	}
	c.proxy.removeConn(c)
}

func (c *proxyConn) reset() {
	for _, end := range c.ends() {
		_ = end.(*net.TCPConn).SetLinger(0)
	}
	c.close()
}
