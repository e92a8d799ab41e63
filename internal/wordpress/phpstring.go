package wordpress

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// lexQuoted reads a string in single quotes, double quotes or backticks.
func (l *phpLexer) lexQuoted(quote byte) error {
	end := l.pos + 1
	for ; end < len(l.src) && l.src[end] != quote; end++ {
		if l.src[end] == '\\' {
			end++
		}
	}
	if end >= len(l.src) {
		return l.errorAt("unterminated string")
	}
	raw := string(l.src[l.pos+1 : end])
	kind, value := tokenOpaque, ""
	switch {
	case quote == '\'':
		kind, value = tokenString, strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(raw)
	case quote == '"' && !interpolated(raw):
		if text, ok := unescape(raw); ok {
			kind, value = tokenString, text
		}
	}
	l.emit(kind, value, end+1-l.pos)
	return nil
}

// interpolated reports whether a double-quoted string contains variables.
func interpolated(raw string) bool {
	for i := 0; i+1 < len(raw); i++ {
		switch next := raw[i+1]; {
		case raw[i] == '\\':
			i++
		case raw[i] == '$' && (nameStart(next) || next == '{'):
			return true
		}
	}
	return false
}

// unescape resolves the escapes of a double-quoted string. Unknown escapes are
// kept, as in PHP; an invalid \u{…}, which is a syntax error in PHP, is not ok.
func unescape(raw string) (value string, ok bool) {
	var out strings.Builder
	for len(raw) > 0 {
		if raw[0] != '\\' || len(raw) == 1 {
			out.WriteByte(raw[0])
			raw = raw[1:]
			continue
		}
		if strings.HasPrefix(raw, `\u{`) {
			digits, rest, closed := strings.Cut(raw[3:], "}")
			code, err := strconv.ParseUint(digits, 16, 32)
			if !closed || err != nil || code > 0x10FFFF {
				return "", false
			}
			out.WriteString(encodeRune(rune(code)))
			raw = rest
			continue
		}
		char, length := escape(raw[1:])
		if length == 0 {
			out.WriteByte('\\')
			raw = raw[1:]
			continue
		}
		out.WriteByte(char)
		raw = raw[1+length:]
	}
	return out.String(), true
}

// escape decodes the escape after a backslash. It returns its value and its
// length, which is 0 if s starts with no known escape.
func escape(s string) (char byte, length int) {
	const letters, values = `nrtvef\$"`, "\n\r\t\v\x1b\f\\$\""
	if i := strings.IndexByte(letters, s[0]); i >= 0 {
		return values[i], 1
	}
	if s[0] == 'x' || s[0] == 'X' {
		digits := leading(s[1:], "0123456789abcdefABCDEF", 2)
		n, err := strconv.ParseUint(digits, 16, 8)
		if err != nil {
			return 0, 0
		}
		return byte(n), 1 + len(digits)
	}
	digits := leading(s, "01234567", 3)
	// Parsed as 16 bits and truncated, because \400 overflows in PHP.
	n, err := strconv.ParseUint(digits, 8, 16)
	if err != nil {
		return 0, 0
	}
	return byte(n), len(digits)
}

// leading returns the first bytes of s that are in set, at most limit.
func leading(s, set string, limit int) string {
	n := len(s) - len(strings.TrimLeft(s, set))
	return s[:min(n, limit)]
}

// encodeRune encodes UTF-8 as PHP does, including surrogates, which Go replaces.
func encodeRune(r rune) string {
	if r >= 0xD800 && r <= 0xDFFF {
		return string([]byte{0xE0 | byte(r>>12), 0x80 | byte(r>>6)&0x3F, 0x80 | byte(r)&0x3F})
	}
	return string(r)
}

// lexHeredoc reads a heredoc or nowdoc, whose text must not be parsed as code.
// Without a label, <<< is lexed as operators.
func (l *phpLexer) lexHeredoc() error {
	const maxOpening = 256 // length of the label in bytes, including blanks and quotes
	from := l.pos + 3
	opening, _, found := bytes.Cut(l.src[from:min(len(l.src), from+maxOpening)], []byte("\n"))
	label := strings.Trim(string(opening), " \t\r")
	if n := len(label); n > 2 && (label[0] == '"' || label[0] == '\'') && label[n-1] == label[0] {
		label = label[1 : n-1]
	}
	if !found || !isName(label) {
		l.lexOperator()
		return nil
	}
	pos := from + len(opening) + 1
	for pos <= len(l.src) {
		line, _, more := bytes.Cut(l.src[pos:], []byte("\n"))
		text := bytes.TrimLeft(line, " \t")
		if rest, ok := bytes.CutPrefix(text, []byte(label)); ok && (len(rest) == 0 || !namePart(rest[0])) {
			l.emit(tokenOpaque, "", pos+len(line)-len(rest)-l.pos)
			return nil
		}
		if !more {
			break
		}
		pos += len(line) + 1
	}
	return l.errorAt("unterminated heredoc")
}

func isName(s string) bool {
	return s != "" && nameStart(s[0]) && !slices.ContainsFunc([]byte(s), func(c byte) bool { return !namePart(c) })
}
