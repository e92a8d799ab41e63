package servicetest

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Wire is a TCP connection to a server with somebody's hand on it: it can be
// cut, dropped, held, slowed down and reset, and it can answer statements for a
// database server. All but Reset last until Mend.
type Wire struct {
	Address string
	target  string

	mu      sync.Mutex
	changed sync.Cond
	state   wireState
	delay   time.Duration
	rule    Rule
	links   map[*link]bool
}

type wireState int

const (
	wireCarries wireState = iota
	wireCut
	wireDrops
	wireHolds
)

func NewWire(t testing.TB, target string) *Wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &Wire{Address: listener.Addr().String(), target: target, links: map[*link]bool{}}
	w.changed.L = &w.mu
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

// Cut closes all connections, and new ones as soon as they come.
func (w *Wire) Cut() {
	w.become(wireCut)
	for _, l := range w.take(nil) {
		l.close()
	}
}

// Drop swallows all bytes in both directions and says so to nobody: neither end
// sees the other one close. New connections hang. A connection that has lost
// bytes stays silent after Mend too.
func (w *Wire) Drop() { w.become(wireDrops) }

// Hold keeps all that is sent on its way: it arrives after Mend, in order and
// late, as what TCP repeats after a break.
func (w *Wire) Hold() { w.become(wireHolds) }

// Mend carries again, as fast as can be.
func (w *Wire) Mend() {
	w.Delay(0)
	w.become(wireCarries)
}

// Delay makes every packet, in either direction, take so much longer.
func (w *Wire) Delay(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay = d
}

// Reset tears the connections that which picks, nil all, with an RST to both
// ends, and says how many. New ones are carried as before.
func (w *Wire) Reset(which func() bool) int {
	torn := w.take(which)
	for _, l := range torn {
		l.reset()
	}
	return len(torn)
}

// SetRule lets rule see each statement before it goes on; nil: none.
func (w *Wire) SetRule(rule Rule) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rule = rule
}

func (w *Wire) become(state wireState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = state
	w.changed.Broadcast()
}

// take removes the links that which picks; nil: all.
func (w *Wire) take(which func() bool) []*link {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.changed.Broadcast()
	var taken []*link
	for l := range w.links {
		if which == nil || which() {
			taken = append(taken, l)
			delete(w.links, l)
		}
	}
	return taken
}

// carry connects a client with the server, as soon as packets pass.
func (w *Wire) carry(client net.Conn) {
	l := &link{wire: w, client: client}
	if !w.admit(l) {
		l.close()
		return
	}
	server, err := net.Dial("tcp", w.target)
	if err != nil || !l.connect(server) {
		l.close()
		return
	}
	go l.pump(l.server, l.client, l.answer)
	l.pump(l.client, l.server, func(chunk []byte) bool { return l.asked.carry(l, chunk) })
}

// admit says whether a new connection may be carried, once that is known.
func (w *Wire) admit(l *link) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.links[l] = true
	for w.state == wireDrops || w.state == wireHolds {
		w.changed.Wait()
	}
	return w.state == wireCarries && w.links[l]
}

// passage waits until bytes of a link may go on. pass: they do, after the
// delay; else they are gone.
func (w *Wire) passage(l *link) (pass bool, delay time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.state == wireHolds && w.links[l] {
		w.changed.Wait()
	}
	if w.state == wireDrops {
		l.lost = true
	}
	return !l.lost, w.delay
}

func (w *Wire) forget(l *link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.links, l)
}

func (w *Wire) ruleNow() Rule {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rule
}
