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
	Close bool

	// Lost: the server does get the statement, but the client never its answer:
	// the connection is reset in its place.
	LoseResponse bool
}

// The commands of the MySQL protocol that carry a statement.
const (
	comQuery   = 0x03
	comPrepare = 0x16
)

const packetHeader = 4 // length (3 bytes, the lowest first), sequence number

// statements finds the statements in what a client sends. Bytes that are no
// MySQL pass as well.
type statementParser struct {
	pending   []byte // not carried yet
	remaining int    // of the packet that is passing
}

// carry sends on what may go, and asks the rule of the wire about each statement.
func (s *statementParser) forward(l *proxyConn, chunk []byte) bool {
	s.pending = append(s.pending, chunk...)
	for {
		n := min(s.remaining, len(s.pending))
		if n > 0 {
			if _, err := l.server.Write(s.pending[:n]); err != nil {
				return false
			}
			s.pending, s.remaining = s.pending[n:], s.remaining-n
		}
		rules := l.proxy.rules()
		statement, size, enough := s.parse(len(rules) > 0)
		if !enough {
			return true
		}
		reply := firstReply(rules, statement)
		if reply == nil || reply.LoseResponse {
			l.override.Store(reply)
			s.remaining = size
			continue
		}
		s.pending = s.pending[size:]
		if !l.reject(statement, reply) {
			return false
		}
	}
}

// next is the size of the packet that begins what is held, and its statement,
// if it has one and somebody wants to know. enough: so much can be told.
func (s *statementParser) parse(wanted bool) (statement string, size int, enough bool) {
	if len(s.pending) < packetHeader {
		return "", 0, false
	}
	size = packetHeader + (int(s.pending[0]) | int(s.pending[1])<<8 | int(s.pending[2])<<16)
	// A command is the first packet of its exchange.
	if !wanted || s.pending[3] != 0 || size == packetHeader {
		return "", size, true
	}
	if len(s.pending) == packetHeader {
		return "", 0, false
	}
	if command := s.pending[packetHeader]; command != comQuery && command != comPrepare {
		return "", size, true
	}
	if len(s.pending) < size {
		return "", 0, false
	}
	return strings.TrimSpace(string(s.pending[packetHeader+1 : size])), size, true
}

func firstReply(rules []Rule, statement string) *Reply {
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
func (l *proxyConn) reject(statement string, reply *Reply) bool {
	if !strings.EqualFold(statement, "COMMIT") {
		return l.writeReply(reply)
	}
	l.override.Store(reply)
	_, err := l.server.Write(packet(0, "\x03ROLLBACK"))
	return err == nil
}

// answer carries what the server says, unless a reply takes its place. It
// returns false when the link is over.
func (l *proxyConn) forwardResponse(chunk []byte) bool {
	switch reply := l.override.Swap(nil); {
	case reply == nil:
		_, err := l.client.Write(chunk)
		return err == nil
	case reply.LoseResponse:
		l.reset()
		return false
	default:
		return l.writeReply(reply)
	}
}

// speak answers for the server. The link goes on unless it says so.
func (l *proxyConn) writeReply(r *Reply) bool {
	if r.Number != 0 {
		text := string([]byte{0xff, byte(r.Number), byte(r.Number >> 8)}) + "#HY000" + r.Message
		if _, err := l.client.Write(packet(1, text)); err != nil {
			return false
		}
	}
	return !r.Close
}

// packet frames a payload, which comes so manieth in its exchange.
func packet(sequence byte, payload string) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), sequence}, payload...)
}
