package wordpress

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// errSerialized means that a value is not the serialize() output of scalars and
// arrays, or exceeds the limits of unserialize.
var errSerialized = errors.New("wordpress: invalid PHP serialization")

const (
	maxSerializedBytes = 4 << 20
	maxSerializedDepth = 32
)

// unserialize decodes the output of PHP's serialize(). It returns nil, bool,
// int64, float64, string (any bytes) or map[string]any. Integer keys of an array
// become decimal strings, because "5" and 5 are the same key for PHP; the last
// of equal keys wins.
//
// White space around the value is ignored, as WordPress does. Objects, enums,
// references, more than 4 MiB and more than 32 levels are errors.
func unserialize(src []byte) (any, error) {
	if len(src) > maxSerializedBytes {
		return nil, fmt.Errorf("%w: %d bytes", errSerialized, len(src))
	}
	p := phpDecoder{src: bytes.Trim(src, " \t\n\r\x00\x0b")}
	value, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.pos != len(p.src) {
		return nil, p.errorAt("data after the value")
	}
	return value, nil
}

type phpDecoder struct {
	src []byte
	pos int
}

func (p *phpDecoder) value(depth int) (any, error) {
	if depth > maxSerializedDepth {
		return nil, p.errorAt("nested too deeply")
	}
	switch {
	case p.consume("N;"):
		return nil, nil
	case p.consume("b:0;"):
		return false, nil
	case p.consume("b:1;"):
		return true, nil
	case p.consume("i:"):
		return p.integer()
	case p.consume("d:"):
		return p.float()
	case p.consume("s:"):
		return p.text()
	case p.consume("a:"):
		return p.array(depth)
	}
	return nil, p.errorAt("not a scalar or an array")
}

func (p *phpDecoder) integer() (int64, error) {
	n, err := strconv.ParseInt(p.readUntil(';'), 10, 64)
	if err != nil {
		return 0, p.errorAt("bad integer")
	}
	return n, nil
}

var phpFloat = regexp.MustCompile(`^([0-9+.eE-]+|-?INF|NAN)$`)

func (p *phpDecoder) float() (float64, error) {
	text := p.readUntil(';')
	n, err := strconv.ParseFloat(text, 64)
	// Go also reads hexadecimal, underscores and other spellings of infinity.
	if err != nil || !phpFloat.MatchString(text) {
		return 0, p.errorAt("bad float")
	}
	return n, nil
}

// text decodes a string of a given length in bytes. Quotes in it are not escaped.
func (p *phpDecoder) text() (string, error) {
	n, ok := p.length()
	if !ok || !p.consume(`"`) || n > len(p.src)-p.pos {
		return "", p.errorAt("bad string length")
	}
	s := string(p.src[p.pos : p.pos+n])
	p.pos += n
	if !p.consume(`";`) {
		return "", p.errorAt("string does not end after its length")
	}
	return s, nil
}

func (p *phpDecoder) array(depth int) (map[string]any, error) {
	n, ok := p.length()
	if !ok || !p.consume("{") {
		return nil, p.errorAt("bad array length")
	}
	// Not sized by n, which the input may exaggerate.
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
	if !p.consume("}") {
		return nil, p.errorAt("array does not end after its length")
	}
	return array, nil
}

func (p *phpDecoder) key() (string, error) {
	switch {
	case p.consume("i:"):
		n, err := p.integer()
		return strconv.FormatInt(n, 10), err
	case p.consume("s:"):
		return p.text()
	}
	return "", p.errorAt("array key is neither integer nor string")
}

// length decodes the length of a string or an array, and the colon after it.
func (p *phpDecoder) length() (int, bool) {
	n, err := strconv.ParseUint(p.readUntil(':'), 10, 31)
	return int(n), err == nil
}

// readUntil returns the bytes before end and consumes them and end. It returns
// "" if end does not occur within the length of any number that PHP writes.
func (p *phpDecoder) readUntil(end byte) string {
	const maxLength = 400
	window := p.src[p.pos:min(len(p.src), p.pos+maxLength)]
	i := bytes.IndexByte(window, end)
	if i < 0 {
		return ""
	}
	p.pos += i + 1
	return string(window[:i])
}

func (p *phpDecoder) consume(prefix string) bool {
	if !bytes.HasPrefix(p.src[p.pos:], []byte(prefix)) {
		return false
	}
	p.pos += len(prefix)
	return true
}

// errorAt does not quote the input, which may contain session tokens.
func (p *phpDecoder) errorAt(problem string) error {
	return fmt.Errorf("%w: %s at byte %d", errSerialized, problem, p.pos)
}
