package wordpress

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrSerialized means that a value is not the serialize() output of plain
// scalars and arrays, or exceeds the bounds of Unserialize.
var ErrSerialized = errors.New("wordpress: unreadable PHP serialization")

const (
	maxSerializedBytes = 4 << 20
	maxSerializedDepth = 32
)

// Unserialize reads the output of PHP's serialize(). It returns nil, bool,
// int64, float64, string (bytes as they are) or map[string]any; integer keys
// of an array stand as decimal strings, since PHP too takes "5" and 5 for one
// key, and of equal keys the last wins.
//
// Blanks around the value are ignored, as WordPress does. Objects, enums and
// references, more than 4 MiB and more than 32 levels give ErrSerialized.
func Unserialize(src []byte) (any, error) {
	if len(src) > maxSerializedBytes {
		return nil, fmt.Errorf("%w: %d bytes", ErrSerialized, len(src))
	}
	p := phpReader{src: bytes.Trim(src, " \t\n\r\x00\x0b")}
	value, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.pos != len(p.src) {
		return nil, p.fail("data after the value")
	}
	return value, nil
}

type phpReader struct {
	src []byte
	pos int
}

func (p *phpReader) value(depth int) (any, error) {
	if depth > maxSerializedDepth {
		return nil, p.fail("nested too deeply")
	}
	switch {
	case p.skip("N;"):
		return nil, nil
	case p.skip("b:0;"):
		return false, nil
	case p.skip("b:1;"):
		return true, nil
	case p.skip("i:"):
		return p.integer()
	case p.skip("d:"):
		return p.float()
	case p.skip("s:"):
		return p.text()
	case p.skip("a:"):
		return p.array(depth)
	}
	return nil, p.fail("not a scalar or an array")
}

func (p *phpReader) integer() (int64, error) {
	n, err := strconv.ParseInt(p.until(';'), 10, 64)
	if err != nil {
		return 0, p.fail("bad integer")
	}
	return n, nil
}

func (p *phpReader) float() (float64, error) {
	switch text := p.until(';'); text {
	case "INF":
		return math.Inf(1), nil
	case "-INF":
		return math.Inf(-1), nil
	case "NAN":
		return math.NaN(), nil
	default:
		n, err := strconv.ParseFloat(text, 64)
		// Go also reads hexadecimal, "inf" and underscores; PHP does not.
		if err != nil || strings.Trim(text, "0123456789+-.eE") != "" {
			return 0, p.fail("bad float")
		}
		return n, nil
	}
}

// text reads a string by its length in bytes: quotes inside are not escaped.
func (p *phpReader) text() (string, error) {
	n, ok := p.count()
	if !ok || !p.skip(`"`) || n > len(p.src)-p.pos {
		return "", p.fail("bad string length")
	}
	s := string(p.src[p.pos : p.pos+n])
	p.pos += n
	if !p.skip(`";`) {
		return "", p.fail("string does not end where its length says")
	}
	return s, nil
}

func (p *phpReader) array(depth int) (map[string]any, error) {
	n, ok := p.count()
	if !ok || !p.skip("{") {
		return nil, p.fail("bad array length")
	}
	// Not sized by n, which is a claim of the input.
	array := make(map[string]any)
	for range n {
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		if array[key], err = p.value(depth + 1); err != nil {
			return nil, err
		}
	}
	if !p.skip("}") {
		return nil, p.fail("array does not end where its length says")
	}
	return array, nil
}

func (p *phpReader) key() (string, error) {
	switch {
	case p.skip("i:"):
		n, err := p.integer()
		return strconv.FormatInt(n, 10), err
	case p.skip("s:"):
		return p.text()
	}
	return "", p.fail("array key is neither integer nor string")
}

// count reads the length before a string or an array, with its colon.
func (p *phpReader) count() (int, bool) {
	n, err := strconv.ParseUint(p.until(':'), 10, 31)
	return int(n), err == nil
}

// until returns the next few bytes up to end and steps over both; the longest
// number PHP writes is well under its limit. It returns "" if there is no end.
func (p *phpReader) until(end byte) string {
	const longest = 400
	window := p.src[p.pos:min(len(p.src), p.pos+longest)]
	i := bytes.IndexByte(window, end)
	if i < 0 {
		return ""
	}
	p.pos += i + 1
	return string(window[:i])
}

func (p *phpReader) skip(prefix string) bool {
	if !bytes.HasPrefix(p.src[p.pos:], []byte(prefix)) {
		return false
	}
	p.pos += len(prefix)
	return true
}

// fail never quotes the input: it may hold session data.
func (p *phpReader) fail(why string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrSerialized, why, p.pos)
}
