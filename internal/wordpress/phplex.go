package wordpress

import (
	"bytes"
	"fmt"
	"strings"
)

type tokenKind int

const (
	tokenName     tokenKind = iota // identifier, keyword or qualified name, without a leading backslash
	tokenVariable                  // $name
	tokenNumber
	tokenString // text is the value
	tokenOpaque // a string whose value only PHP can compute: interpolated, heredoc, backticks
	tokenPunct
)

type token struct {
	kind tokenKind
	text string
	line int
}

func (t token) punct(text string) bool { return t.kind == tokenPunct && t.text == text }

// keyword reports whether t is one of names, ignoring case like PHP.
func (t token) keyword(names ...string) bool {
	if t.kind != tokenName {
		return false
	}
	for _, name := range names {
		if strings.EqualFold(t.text, name) {
			return true
		}
	}
	return false
}

// phpLexer splits the PHP source of a wp-config.php into tokens. It drops
// comments and text outside PHP tags.
type phpLexer struct {
	src     []byte
	pos     int
	tokens  []token
	counted int // the number of bytes whose newlines are included in line
	line    int // the line at counted, from 0
}

// lexPHP fails only if a string or a comment is unterminated.
func lexPHP(src []byte) ([]token, error) {
	l := phpLexer{src: src}
	l.skipHTML()
	for l.pos < len(l.src) {
		if err := l.next(); err != nil {
			return nil, err
		}
		if n := len(l.tokens); n > 0 && l.tokens[n-1].keyword("__halt_compiler") {
			break
		}
	}
	return l.tokens, nil
}

func (l *phpLexer) next() error {
	c := l.src[l.pos]
	switch {
	case bytes.IndexByte([]byte(" \t\r\n\v\f"), c) >= 0:
		l.pos++
	case l.hasPrefix("?>"):
		l.emit(tokenPunct, ";", 2)
		l.skipHTML()
	case c == '#', l.hasPrefix("//"):
		l.skipLineComment()
	case l.hasPrefix("/*"):
		return l.skipBlockComment()
	case c == '\'', c == '"', c == '`':
		return l.lexQuoted(c)
	case l.hasPrefix("<<<"):
		return l.lexHeredoc()
	case c == '$' && l.pos+1 < len(l.src) && nameStart(l.src[l.pos+1]):
		l.emitRun(tokenVariable, namePart)
	case nameStart(c) || c == '\\':
		l.emitRun(tokenName, func(c byte) bool { return namePart(c) || c == '\\' })
		name := &l.tokens[len(l.tokens)-1]
		name.text = strings.TrimPrefix(name.text, `\`)
	case c >= '0' && c <= '9':
		l.emitRun(tokenNumber, func(c byte) bool { return namePart(c) || c == '.' })
	default:
		l.lexOperator()
	}
	return nil
}

// lexOperator emits one character, or a pair that could be misread as two
// operators.
func (l *phpLexer) lexOperator() {
	for _, pair := range []string{"->", "::", "==", "=>"} {
		if l.hasPrefix(pair) {
			l.emit(tokenPunct, pair, 2)
			return
		}
	}
	l.emit(tokenPunct, string(rune(l.src[l.pos])), 1)
}

func (l *phpLexer) emit(kind tokenKind, text string, length int) {
	l.tokens = append(l.tokens, token{kind: kind, text: text, line: l.lineAt(l.pos)})
	l.pos += length
}

// emitRun emits a token of any first byte and the bytes that part accepts.
func (l *phpLexer) emitRun(kind tokenKind, part func(byte) bool) {
	end := l.pos + 1
	for end < len(l.src) && part(l.src[end]) {
		end++
	}
	l.emit(kind, string(l.src[l.pos:end]), end-l.pos)
}

// skipHTML skips to the next opening tag.
func (l *phpLexer) skipHTML() {
	for l.pos < len(l.src) {
		i := bytes.Index(l.src[l.pos:], []byte("<?"))
		if i < 0 {
			break
		}
		l.pos += i + 2
		if l.hasPrefix("=") {
			l.pos++
			return
		}
		if rest := l.src[l.pos:]; len(rest) >= 3 && bytes.EqualFold(rest[:3], []byte("php")) {
			l.pos += 3
			return
		}
	}
	l.pos = len(l.src)
}

// skipLineComment stops before a closing tag, which ends the comment too.
func (l *phpLexer) skipLineComment() {
	for l.pos < len(l.src) && l.src[l.pos] != '\n' && l.src[l.pos] != '\r' && !l.hasPrefix("?>") {
		l.pos++
	}
}

func (l *phpLexer) skipBlockComment() error {
	i := bytes.Index(l.src[l.pos+2:], []byte("*/"))
	if i < 0 {
		return l.errorAt("unterminated comment")
	}
	l.pos += 2 + i + 2
	return nil
}

func (l *phpLexer) hasPrefix(prefix string) bool {
	return bytes.HasPrefix(l.src[l.pos:], []byte(prefix))
}

func (l *phpLexer) lineAt(pos int) int {
	l.line += bytes.Count(l.src[l.counted:pos], []byte("\n"))
	l.counted = pos
	return l.line + 1
}

func (l *phpLexer) errorAt(problem string) error {
	return fmt.Errorf("%w: line %d: %s", ErrConfigFile, l.lineAt(l.pos), problem)
}

func nameStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func namePart(c byte) bool { return nameStart(c) || c >= '0' && c <= '9' }
