package servicetest

import "strings"

// Rule sees a statement on its way to the server: the text of a query, with its
// values, or of one to be prepared, without white space around it. nil lets it pass. It may block, and is
// called from many connections at once.
type Rule func(statement string) *Reply

// Reply is what becomes of a statement that does not simply pass. The zero value
// swallows it.
type Reply struct {
	// Number and Message are the error that the client gets. The server never
	// sees the statement, but where it is a COMMIT it is told to roll back, as a
	// server does that fails one.
	Number  uint16
	Message string

	// Hangup closes the connection in place of an answer; with a Number, after it.
	Hangup bool

	// Lost: the server does get the statement, but the client never its answer:
	// the connection is reset in its place.
	Lost bool
}

// The commands of the MySQL protocol that carry a statement.
const (
	comQuery   = 0x03
	comPrepare = 0x16
)

const packetHeader = 4 // length (3 bytes, the lowest first), sequence number

// statements finds the statements in what a client sends. Bytes that are no
// MySQL pass as well.
type statements struct {
	held []byte // not carried yet
	rest int    // of the packet that is passing
}

// carry sends on what may go, and asks the rule of the wire about each statement.
func (s *statements) carry(l *link, chunk []byte) bool {
	s.held = append(s.held, chunk...)
	for {
		n := min(s.rest, len(s.held))
		if n > 0 {
			if _, err := l.server.Write(s.held[:n]); err != nil {
				return false
			}
			s.held, s.rest = s.held[n:], s.rest-n
		}
		rules := l.wire.rules()
		statement, size, enough := s.next(len(rules) > 0)
		if !enough {
			return true
		}
		reply := judge(rules, statement)
		if reply == nil || reply.Lost {
			l.instead.Store(reply)
			s.rest = size
			continue
		}
		s.held = s.held[size:]
		if !l.refuse(statement, reply) {
			return false
		}
	}
}

// next is the size of the packet that begins what is held, and its statement,
// if it has one and somebody wants to know. enough: so much can be told.
func (s *statements) next(wanted bool) (statement string, size int, enough bool) {
	if len(s.held) < packetHeader {
		return "", 0, false
	}
	size = packetHeader + (int(s.held[0]) | int(s.held[1])<<8 | int(s.held[2])<<16)
	// A command is the first packet of its exchange.
	if !wanted || s.held[3] != 0 || size == packetHeader {
		return "", size, true
	}
	if len(s.held) == packetHeader {
		return "", 0, false
	}
	if command := s.held[packetHeader]; command != comQuery && command != comPrepare {
		return "", size, true
	}
	if len(s.held) < size {
		return "", 0, false
	}
	return strings.TrimSpace(string(s.held[packetHeader+1 : size])), size, true
}

func judge(rules []Rule, statement string) *Reply {
	if statement == "" {
		return nil
	}
	for _, rule := range rules {
		if reply := rule(statement); reply != nil {
			return reply
		}
	}
	return nil
}

// refuse keeps a statement from the server. It returns false when the link is
// over.
func (l *link) refuse(statement string, reply *Reply) bool {
	if !strings.EqualFold(statement, "COMMIT") {
		return l.speak(reply)
	}
	l.instead.Store(reply)
	_, err := l.server.Write(packet(0, "\x03ROLLBACK"))
	return err == nil
}

// answer carries what the server says, unless a reply takes its place. It
// returns false when the link is over.
func (l *link) answer(chunk []byte) bool {
	switch reply := l.instead.Swap(nil); {
	case reply == nil:
		_, err := l.client.Write(chunk)
		return err == nil
	case reply.Lost:
		l.reset()
		return false
	default:
		return l.speak(reply)
	}
}

// speak answers for the server. The link goes on unless it says so.
func (l *link) speak(r *Reply) bool {
	if r.Number != 0 {
		text := string([]byte{0xff, byte(r.Number), byte(r.Number >> 8)}) + "#HY000" + r.Message
		if _, err := l.client.Write(packet(1, text)); err != nil {
			return false
		}
	}
	return !r.Hangup
}

// packet frames a payload, which comes so manieth in its exchange.
func packet(sequence byte, payload string) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), sequence}, payload...)
}
