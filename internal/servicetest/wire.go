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
type Wire struct {
	Address string
	target  string

	mu      sync.Mutex
	changed sync.Cond
	hands   []*hand
	links   map[*link]bool
	touched int
}

// hand is what somebody does to a wire.
type hand struct {
	state wireState
	delay time.Duration
	rule  Rule
}

// wireState tells what becomes of bytes, the worst last.
type wireState int

const (
	wireCarries wireState = iota
	wireHolds
	wireDrops
	wireCut
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
func (w *Wire) Cut() (letGo func()) {
	letGo = w.lay(hand{state: wireCut})
	for _, l := range w.take(nil) {
		l.close()
	}
	return letGo
}

// Drop swallows all bytes in both directions and says so to nobody: neither end
// sees the other one close. New connections hang. A connection that has lost
// bytes stays silent for ever.
func (w *Wire) Drop() (letGo func()) { return w.lay(hand{state: wireDrops}) }

// Hold keeps all that is sent on its way: it arrives afterwards, in order and
// late, as what TCP repeats after a break.
func (w *Wire) Hold() (letGo func()) { return w.lay(hand{state: wireHolds}) }

// Delay makes every packet, in either direction, take so much longer.
func (w *Wire) Delay(d time.Duration) (letGo func()) { return w.lay(hand{delay: d}) }

// SetRule lets rule see each statement before it goes on, after the rules that
// were there: the first to reply decides.
func (w *Wire) SetRule(rule Rule) (letGo func()) { return w.lay(hand{rule: rule}) }

// Touched counts what was held, dropped or slowed down: new connections and what
// was read of one at a time.
func (w *Wire) Touched() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.touched
}

// Mend takes all hands off.
func (w *Wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hands = nil
	w.changed.Broadcast()
}

func (w *Wire) lay(h hand) (letGo func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	mine := &h
	w.hands = append(w.hands, mine)
	w.changed.Broadcast()
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.hands = slices.DeleteFunc(slices.Clone(w.hands), func(h *hand) bool { return h == mine })
		w.changed.Broadcast()
	}
}

// now is what all hands together do; guarded by mu.
func (w *Wire) now() (state wireState, delay time.Duration) {
	for _, h := range w.hands {
		state, delay = max(state, h.state), max(delay, h.delay)
	}
	return state, delay
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
	state, _ := w.now()
	if state == wireDrops || state == wireHolds {
		w.touched++
	}
	for ; state == wireDrops || state == wireHolds; state, _ = w.now() {
		w.changed.Wait()
	}
	return state == wireCarries && w.links[l]
}

// passage waits until bytes of a link may go on. pass: they do, after the
// delay; else they are gone.
func (w *Wire) passage(l *link) (pass bool, delay time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	state, delay := w.now()
	if state == wireDrops || state == wireHolds || delay > 0 {
		w.touched++
	}
	for ; state == wireHolds && w.links[l]; state, _ = w.now() {
		w.changed.Wait()
	}
	if state == wireDrops {
		l.lost = true
	}
	_, delay = w.now()
	return !l.lost, delay
}

func (w *Wire) forget(l *link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.links, l)
}

// rules are those that want to see statements, in their order.
func (w *Wire) rules() (all []Rule) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.hands {
		if h.rule != nil {
			all = append(all, h.rule)
		}
	}
	return all
}
