package servicetest

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FaultProxy is a TCP proxy that injects faults: it cuts, drops, buffers, delays and
// resets connections, and it replies to statements in place of a database server.
// Each fault lasts until its remove function or Clear is called. Of several faults
// the most severe mode and the longest delay apply.
type FaultProxy struct {
	Address string
	target  string

	mu       sync.Mutex
	changed  sync.Cond
	faults   []*fault
	conns    map[*proxyConn]bool
	affected int
}

// fault is one of the faults that a proxy injects.
type fault struct {
	mode  proxyMode
	delay time.Duration
	rule  Rule
}

// proxyMode is what a proxy does with bytes. The most severe mode is last.
type proxyMode int

const (
	forwarding proxyMode = iota
	buffering
	dropping
	cutting
)

func NewFaultProxy(t testing.TB, target string) *FaultProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &FaultProxy{Address: listener.Addr().String(), target: target, conns: map[*proxyConn]bool{}}
	p.changed.L = &p.mu
	t.Cleanup(func() { listener.Close(); p.Cut() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

// Cut closes all connections, and new connections as soon as they are accepted.
func (p *FaultProxy) Cut() (remove func()) {
	remove = p.add(fault{mode: cutting})
	for _, c := range p.removeConns(nil) {
		c.close()
	}
	return remove
}

// Drop drops all bytes in both directions. Neither end notices when the other
// closes, and new connections hang. A connection that has lost bytes never recovers.
func (p *FaultProxy) Drop() (remove func()) { return p.add(fault{mode: dropping}) }

// Buffer holds back all bytes. They arrive afterwards in order, like bytes that
// TCP retransmits after an outage.
func (p *FaultProxy) Buffer() (remove func()) { return p.add(fault{mode: buffering}) }

// Delay delays every read, in either direction.
func (p *FaultProxy) Delay(d time.Duration) (remove func()) { return p.add(fault{delay: d}) }

// AddRule adds a rule. Rules are called in the order in which they were added until
// one returns a reply.
func (p *FaultProxy) AddRule(rule Rule) (remove func()) { return p.add(fault{rule: rule}) }

// Affected returns how many new connections and reads were buffered, dropped or
// delayed.
func (p *FaultProxy) Affected() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.affected
}

// Clear removes all faults.
func (p *FaultProxy) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
	p.changed.Broadcast()
}

func (p *FaultProxy) add(f fault) (remove func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	added := &f
	p.faults = append(p.faults, added)
	p.changed.Broadcast()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.faults = slices.DeleteFunc(slices.Clone(p.faults), func(f *fault) bool { return f == added })
		p.changed.Broadcast()
	}
}

// effect combines all faults. The caller has locked mu.
func (p *FaultProxy) effect() (mode proxyMode, delay time.Duration) {
	for _, f := range p.faults {
		mode, delay = max(mode, f.mode), max(delay, f.delay)
	}
	return mode, delay
}

// Reset closes the connections for which match returns true, or all if it is nil, with
// an RST to both ends. It returns their number.
func (p *FaultProxy) Reset(match func() bool) int {
	conns := p.removeConns(match)
	for _, c := range conns {
		c.reset()
	}
	return len(conns)
}

// removeConns removes and returns the connections for which match returns true, or all
// if it is nil.
func (p *FaultProxy) removeConns(match func() bool) []*proxyConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.changed.Broadcast()
	var removed []*proxyConn
	for c := range p.conns {
		if match == nil || match() {
			removed = append(removed, c)
			delete(p.conns, c)
		}
	}
	return removed
}

// serve connects a client to the server once no fault prevents it.
func (p *FaultProxy) serve(client net.Conn) {
	c := &proxyConn{proxy: p, client: client}
	if !p.accept(c) {
		c.close()
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil || !c.connect(server) {
		c.close()
		return
	}
	go c.forward(c.server, c.client, c.forwardResponse)
	c.forward(c.client, c.server, func(chunk []byte) bool { return c.parser.forward(c, chunk) })
}

// accept waits until a new connection is to be forwarded or cut. It reports
// whether it is to be forwarded.
func (p *FaultProxy) accept(c *proxyConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	mode, _ := p.effect()
	if mode == dropping || mode == buffering {
		p.affected++
	}
	for ; mode == dropping || mode == buffering; mode, _ = p.effect() {
		p.changed.Wait()
	}
	return mode == forwarding && p.conns[c]
}

// waitToForward waits, including the delay, until bytes of a connection are to be
// forwarded or dropped. It reports whether they are to be forwarded.
func (p *FaultProxy) waitToForward(c *proxyConn) (forward bool, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	mode, delay := p.effect()
	if mode == dropping || mode == buffering || delay > 0 {
		p.affected++
	}
	for ; mode == buffering && p.conns[c]; mode, _ = p.effect() {
		p.changed.Wait()
	}
	if mode == dropping {
		c.dropped = true
	}
	_, delay = p.effect()
	return !c.dropped, delay
}

func (p *FaultProxy) removeConn(c *proxyConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// rules returns all rules in the order in which they were added.
func (p *FaultProxy) rules() (all []Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		if f.rule != nil {
			all = append(all, f.rule)
		}
	}
	return all
}
