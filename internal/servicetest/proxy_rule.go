package servicetest

import "strings"

// Rule returns the reply to a statement, or nil to forward it. The statement is the
// text of a query with its values, or of one to be prepared, without surrounding white
// space. A rule may block, and must be safe for concurrent use.
type Rule func(statement string) *Reply

// Reply is what a proxy does with a statement instead of forwarding it. The zero value
// drops it.
type Reply struct {
	// Number and Message are the error that the client gets instead of the server's
	// response. The server does not get the statement. Instead of a COMMIT it gets a
	// ROLLBACK, since a server rolls back if a commit fails.
	Number  uint16
	Message string

	// Close closes the connection, after sending the error if there is one.
	Close bool

	// LoseResponse forwards the statement to the server, and resets the connection
	// instead of forwarding the response.
	LoseResponse bool
}

// The commands of the MySQL protocol that carry a statement.
const (
	comQuery   = 0x03
	comPrepare = 0x16
)

const packetHeader = 4 // length (3 bytes, the lowest first), sequence number

// statementParser finds the statements in the bytes of a client. It forwards
// bytes of other protocols unchanged.
type statementParser struct {
	pending   []byte // not forwarded yet
	remaining int    // bytes of the current packet
}

// forward forwards the bytes from a client, and applies the rules to each statement.
// It returns false if the connection is closed.
func (s *statementParser) forward(c *proxyConn, chunk []byte) bool {
	s.pending = append(s.pending, chunk...)
	for {
		n := min(s.remaining, len(s.pending))
		if n > 0 {
			if _, err := c.server.Write(s.pending[:n]); err != nil {
				return false
			}
			s.pending, s.remaining = s.pending[n:], s.remaining-n
		}
		rules := c.proxy.rules()
		statement, size, ok := s.parse(len(rules) > 0)
		if !ok {
			return true
		}
		reply := firstReply(rules, statement)
		if reply == nil || reply.LoseResponse {
			c.override.Store(reply)
			s.remaining = size
			continue
		}
		s.pending = s.pending[size:]
		if !c.reject(statement, reply) {
			return false
		}
	}
}

// parse returns the size of the pending packet, and its statement if it contains one
// and a rule needs it. It returns ok false if more bytes are needed.
func (s *statementParser) parse(wanted bool) (statement string, size int, ok bool) {
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

// reject replies to a statement in place of the server. It returns false if the
// connection is closed.
func (c *proxyConn) reject(statement string, reply *Reply) bool {
	if !strings.EqualFold(statement, "COMMIT") {
		return c.writeReply(reply)
	}
	c.override.Store(reply)
	_, err := c.server.Write(packet(0, "\x03ROLLBACK"))
	return err == nil
}

// forwardResponse forwards the bytes from the server, or writes a reply instead.
// It returns false if the connection is closed.
func (c *proxyConn) forwardResponse(chunk []byte) bool {
	switch reply := c.override.Swap(nil); {
	case reply == nil:
		_, err := c.client.Write(chunk)
		return err == nil
	case reply.LoseResponse:
		c.reset()
		return false
	default:
		return c.writeReply(reply)
	}
}

// writeReply writes a reply, and reports whether the connection stays open.
func (c *proxyConn) writeReply(r *Reply) bool {
	if r.Number != 0 {
		text := string([]byte{0xff, byte(r.Number), byte(r.Number >> 8)}) + "#HY000" + r.Message
		if _, err := c.client.Write(packet(1, text)); err != nil {
			return false
		}
	}
	return !r.Close
}

// packet returns a packet with its sequence number in the exchange.
func packet(sequence byte, payload string) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), sequence}, payload...)
}
