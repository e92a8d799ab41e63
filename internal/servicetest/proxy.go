package servicetest

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Wire is a TCP connection to a server with hands on it: it can be cut, dropped,
// held, slowed down and reset, and it can answer statements for a database
// server. What one hand does lasts until it lets go, or until Mend; the others
// know nothing of it. Of several states the worst counts, of several delays the
// longest.
type FaultProxy struct {
	Address string
	target  string

	mu       sync.Mutex
	changed  sync.Cond
	faults   []*fault
	conns    map[*proxyConn]bool
	affected int
}

// hand is what somebody does to a wire.
type fault struct {
	mode  proxyMode
	delay time.Duration
	rule  Rule
}

// wireState tells what becomes of bytes, the worst last.
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
	w := &FaultProxy{Address: listener.Addr().String(), target: target, conns: map[*proxyConn]bool{}}
	w.changed.L = &w.mu
	t.Cleanup(func() { listener.Close(); w.Cut() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go w.serve(client)
		}
	}()
	return w
}

// Cut closes all connections, and new ones as soon as they come.
func (w *FaultProxy) Cut() (letGo func()) {
	letGo = w.add(fault{mode: cutting})
	for _, l := range w.removeConns(nil) {
		l.close()
	}
	return letGo
}

// Drop swallows all bytes in both directions and says so to nobody: neither end
// sees the other one close. New connections hang. A connection that has lost
// bytes stays silent for ever.
func (w *FaultProxy) Drop() (letGo func()) { return w.add(fault{mode: dropping}) }

// Hold keeps all that is sent on its way: it arrives afterwards, in order and
// late, as what TCP repeats after a break.
func (w *FaultProxy) Buffer() (letGo func()) { return w.add(fault{mode: buffering}) }

// Delay makes every packet, in either direction, take so much longer.
func (w *FaultProxy) Delay(d time.Duration) (letGo func()) { return w.add(fault{delay: d}) }

// SetRule lets rule see each statement before it goes on, after the rules that
// were there: the first to reply decides.
func (w *FaultProxy) AddRule(rule Rule) (letGo func()) { return w.add(fault{rule: rule}) }

// Touched counts what was held, dropped or slowed down: new connections and what
// was read of one at a time.
func (w *FaultProxy) Affected() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.affected
}

// Mend takes all hands off.
func (w *FaultProxy) Clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = nil
	w.changed.Broadcast()
}

func (w *FaultProxy) add(h fault) (letGo func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	mine := &h
	w.faults = append(w.faults, mine)
	w.changed.Broadcast()
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.faults = slices.DeleteFunc(slices.Clone(w.faults), func(h *fault) bool { return h == mine })
		w.changed.Broadcast()
	}
}

// now is what all hands together do; guarded by mu.
func (w *FaultProxy) effect() (state proxyMode, delay time.Duration) {
	for _, h := range w.faults {
		state, delay = max(state, h.mode), max(delay, h.delay)
	}
	return state, delay
}

// Reset tears the connections that which picks, nil all, with an RST to both
// ends, and says how many. New ones are carried as before.
func (w *FaultProxy) Reset(which func() bool) int {
	torn := w.removeConns(which)
	for _, l := range torn {
		l.reset()
	}
	return len(torn)
}

// take removes the links that which picks; nil: all.
func (w *FaultProxy) removeConns(which func() bool) []*proxyConn {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.changed.Broadcast()
	var taken []*proxyConn
	for l := range w.conns {
		if which == nil || which() {
			taken = append(taken, l)
			delete(w.conns, l)
		}
	}
	return taken
}

// carry connects a client with the server, as soon as packets pass.
func (w *FaultProxy) serve(client net.Conn) {
	l := &proxyConn{proxy: w, client: client}
	if !w.accept(l) {
		l.close()
		return
	}
	server, err := net.Dial("tcp", w.target)
	if err != nil || !l.connect(server) {
		l.close()
		return
	}
	go l.forward(l.server, l.client, l.forwardResponse)
	l.forward(l.client, l.server, func(chunk []byte) bool { return l.parser.forward(l, chunk) })
}

// admit says whether a new connection may be carried, once that is known.
func (w *FaultProxy) accept(l *proxyConn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[l] = true
	state, _ := w.effect()
	if state == dropping || state == buffering {
		w.affected++
	}
	for ; state == dropping || state == buffering; state, _ = w.effect() {
		w.changed.Wait()
	}
	return state == forwarding && w.conns[l]
}

// passage waits until bytes of a link may go on. pass: they do, after the
// delay; else they are gone.
func (w *FaultProxy) waitToForward(l *proxyConn) (pass bool, delay time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	state, delay := w.effect()
	if state == dropping || state == buffering || delay > 0 {
		w.affected++
	}
	for ; state == buffering && w.conns[l]; state, _ = w.effect() {
		w.changed.Wait()
	}
	if state == dropping {
		l.dropped = true
	}
	_, delay = w.effect()
	return !l.dropped, delay
}

func (w *FaultProxy) remove(l *proxyConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, l)
}

// rules are those that want to see statements, in their order.
func (w *FaultProxy) rules() (all []Rule) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.faults {
		if h.rule != nil {
			all = append(all, h.rule)
		}
	}
	return all
}
