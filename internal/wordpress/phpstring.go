package wordpress

import (
	"bytes"
	"strconv"
	"strings"
)

// quoted reads a string in single quotes, double quotes or backticks.
func (l *phpLexer) quoted(quote byte) error {
	end := l.pos + 1
	for ; end < len(l.src) && l.src[end] != quote; end++ {
		if l.src[end] == '\\' {
			end++
		}
	}
	if end >= len(l.src) {
		return l.fail("string without an end")
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

// interpolated reports whether PHP would put variables into a string in double
// quotes.
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

// unescape resolves the escapes of a string in double quotes. An escape that
// PHP does not know stands for itself; a broken \u{…}, which PHP refuses, is
// not ok.
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

// escape reads what follows a backslash: the byte it stands for and how long
// the escape is, 0 if it is none.
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
	// 16 bits and cut: PHP lets \400 overflow.
	n, err := strconv.ParseUint(digits, 8, 16)
	if err != nil {
		return 0, 0
	}
	return byte(n), len(digits)
}

func leading(s, set string, longest int) string {
	n := 0
	for n < len(s) && n < longest && strings.IndexByte(set, s[n]) >= 0 {
		n++
	}
	return s[:n]
}

// encodeRune is UTF-8 as PHP writes it: surrogates too, which Go replaces.
func encodeRune(r rune) string {
	if r >= 0xD800 && r <= 0xDFFF {
		return string([]byte{0xE0 | byte(r>>12), 0x80 | byte(r>>6)&0x3F, 0x80 | byte(r)&0x3F})
	}
	return string(r)
}

// heredoc steps over a heredoc or nowdoc, so that its text is not taken for
// code. Without an opening line it is a shift operator.
func (l *phpLexer) heredoc() error {
	const longest = 256 // of the label, with blanks and quotes
	from := l.pos + 3
	opening, _, found := bytes.Cut(l.src[from:min(len(l.src), from+longest)], []byte("\n"))
	label := strings.Trim(string(opening), " \t\r")
	if n := len(label); n > 2 && (label[0] == '"' || label[0] == '\'') && label[n-1] == label[0] {
		label = label[1 : n-1]
	}
	if !found || !isName(label) {
		l.operator()
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
	return l.fail("heredoc without an end")
}

func isName(s string) bool {
	if s == "" || !nameStart(s[0]) {
		return false
	}
	for i := range len(s) {
		if !namePart(s[i]) {
			return false
		}
	}
	return true
}
