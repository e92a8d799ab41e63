package wordpress

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrConfigFile means that a wp-config.php is too long or cannot be split into
// tokens.
var ErrConfigFile = errors.New("wordpress: invalid wp-config.php")

const (
	maxConfigBytes = 1 << 20
	tablePrefix    = "$table_prefix"
)

// ConfigFile contains the settings in a wp-config.php that this service needs.
type ConfigFile struct {
	// Constants contains the values of the constants that the file defines. As
	// in PHP's output, true is "1", and false and null are "".
	Constants map[string]string
	// TablePrefix is the value of $table_prefix, "" if the file does not set it.
	TablePrefix string
	// Unreadable lists the settings whose values are no literals.
	Unreadable []Unreadable
}

// Unreadable is a setting whose value cannot be known without running PHP.
type Unreadable struct {
	Name   string // the constant, or $table_prefix
	Line   int
	Reason string
}

// String returns text such as `DB_HOST (line 12): is an expression`.
func (u Unreadable) String() string { return fmt.Sprintf("%s (line %d): %s", u.Name, u.Line, u.Reason) }

// CookieName returns the name of the login cookie if the file determines it,
// else "".
func (c ConfigFile) CookieName() string {
	if name := c.Constants["LOGGED_IN_COOKIE"]; name != "" {
		return name
	}
	if hash := c.Constants["COOKIEHASH"]; hash != "" {
		return cookiePrefix + hash
	}
	return ""
}

// isKnownConstant reports whether a constant is read. All others are ignored.
func isKnownConstant(name string) bool {
	switch name {
	case "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_HOST", "MYSQL_CLIENT_FLAGS",
		"AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY", "SECRET_KEY",
		"AUTH_SALT", "SECURE_AUTH_SALT", "LOGGED_IN_SALT", "NONCE_SALT", "SECRET_SALT",
		"CUSTOM_USER_TABLE", "CUSTOM_USER_META_TABLE",
		"COOKIEHASH", "LOGGED_IN_COOKIE":
		return true
	}
	return false
}

// ParseConfig parses a wp-config.php of at most 1 MiB without running it.
//
// It reads values that are literals, getenv('NAME') or
// getenv_docker('NAME', 'default'), in statements that run unconditionally or
// only depend on !defined() of the same constant. Variables come from getenv,
// which must also resolve NAME_FILE. Any other definition is listed as Unreadable.
// As in PHP, the first definition of a constant and the last assignment of a
// variable count. Definitions in other files and in WORDPRESS_CONFIG_EXTRA are not
// seen.
//
// The error is ErrConfigFile if src is too long, or a string or a comment in it
// is unterminated.
func ParseConfig(src []byte, getenv func(name string) (value string, ok bool)) (ConfigFile, error) {
	if len(src) > maxConfigBytes {
		return ConfigFile{}, fmt.Errorf("%w: %d bytes", ErrConfigFile, len(src))
	}
	tokens, err := lexPHP(src)
	if err != nil {
		return ConfigFile{}, err
	}
	r := configReader{tokens: tokens, getenv: getenv, seen: make(map[string]bool)}
	r.file.Constants = make(map[string]string)
	r.readAll()
	return r.file, nil
}

type configReader struct {
	tokens []token
	getenv func(name string) (value string, ok bool)
	flow   phpFlow
	file   ConfigFile
	seen   map[string]bool
}

func (r *configReader) readAll() {
	for i := range r.tokens {
		r.flow.advance(r.tokens, i)
		switch t := r.tokens[i]; {
		case t.keyword("define"):
			r.define(i)
		case t.keyword("const"):
			r.constStatement(i)
		case t.kind == tokenVariable && t.text == tablePrefix:
			r.prefixAssignment(i)
		}
	}
}

// at returns the token at i, or the zero token if there is none.
func (r *configReader) at(i int) token {
	if i < 0 || i >= len(r.tokens) {
		return token{}
	}
	return r.tokens[i]
}

// define reads `define('NAME', value)`, optionally with the obsolete third
// argument.
func (r *configReader) define(i int) {
	before := r.at(i - 1)
	if before.punct("->") || before.punct("::") || before.keyword("function", "new") ||
		!r.at(i+1).punct("(") || !r.at(i+3).punct(",") {
		return
	}
	name := r.at(i + 2)
	if name.kind != tokenString || !isKnownConstant(name.text) || r.seen[name.text] {
		return
	}
	value, next, reason := r.value(i + 4)
	if r.at(next).punct(",") && r.at(next+1).keyword("true", "false") {
		next += 2
	}
	if reason == "" && !r.at(next).punct(")") {
		reason = reasonExpression
	}
	if reason == "" && !r.flow.isUnconditional(r.tokens, i, name.text) {
		reason = reasonConditional
	}
	r.record(name.text, value, name.line, reason)
}

// constStatement reads `const NAME = value;`. In a block it would be a constant
// of a class.
func (r *configReader) constStatement(i int) {
	name := r.at(i + 1)
	if name.kind != tokenName || !isKnownConstant(name.text) || r.seen[name.text] ||
		!r.flow.isTopLevelStatement(i) || !r.at(i+2).punct("=") {
		return
	}
	value, next, reason := r.value(i + 3)
	if reason == "" && next < len(r.tokens) && !r.at(next).punct(";") {
		reason = reasonExpression
	}
	r.record(name.text, value, name.line, reason)
}

func (r *configReader) record(name, value string, line int, reason string) {
	r.seen[name] = true
	if reason != "" {
		r.file.Unreadable = append(r.file.Unreadable, Unreadable{Name: name, Line: line, Reason: reason})
		return
	}
	r.file.Constants[name] = value
}

// prefixAssignment reads `$table_prefix = value;`. Each assignment replaces the
// result of the one before.
func (r *configReader) prefixAssignment(i int) {
	value, next, reason := "", 0, reasonExpression
	switch {
	case r.at(i + 1).punct("="):
		value, next, reason = r.value(i + 2)
		if reason == "" && next < len(r.tokens) && !r.at(next).punct(";") {
			reason = reasonExpression
		}
	case r.at(i+1).punct(".") && r.at(i+2).punct("="):
	case r.at(i+1).punct("?") && r.at(i+2).punct("?") && r.at(i+3).punct("="):
	default:
		return
	}
	if reason == "" && !r.flow.isTopLevelStatement(i) {
		reason = reasonConditional
	}
	r.file.TablePrefix = ""
	r.file.Unreadable = slices.DeleteFunc(r.file.Unreadable, func(u Unreadable) bool { return u.Name == tablePrefix })
	if reason != "" {
		r.file.Unreadable = append(r.file.Unreadable, Unreadable{Name: tablePrefix, Line: r.at(i).line, Reason: reason})
		return
	}
	r.file.TablePrefix = value
}

// Reasons of Unreadable.
const (
	reasonExpression   = "is an expression, not a literal"
	reasonInterpolated = "is a string that contains variables"
	reasonConditional  = "is set conditionally"
)

// value reads the value at token i and returns the index after it.
func (r *configReader) value(i int) (value string, next int, reason string) {
	switch t := r.at(i); {
	case t.kind == tokenString:
		return t.text, i + 1, ""
	case t.kind == tokenOpaque:
		return "", i + 1, reasonInterpolated
	case t.kind == tokenNumber && (t.text == "0" || strings.Trim(t.text, "0123456789") == "" && t.text[0] != '0'):
		return t.text, i + 1, ""
	case t.keyword("true"):
		return "1", i + 1, ""
	case t.keyword("false", "null"):
		return "", i + 1, ""
	case t.keyword("getenv") && r.isCall(i, 1):
		value, _ = r.getenv(r.at(i + 2).text)
		return value, i + 4, ""
	case t.keyword("getenv_docker") && r.isCall(i, 2):
		value, ok := r.getenv(r.at(i + 2).text)
		if !ok {
			value = r.at(i + 4).text
		}
		return value, i + 6, ""
	}
	return "", i + 1, reasonExpression
}

// isCall reports whether token i is called with args literal strings.
func (r *configReader) isCall(i, args int) bool {
	if !r.at(i + 1).punct("(") {
		return false
	}
	for n := range args {
		end := ","
		if n == args-1 {
			end = ")"
		}
		if at := i + 2 + 2*n; r.at(at).kind != tokenString || !r.at(at+1).punct(end) {
			return false
		}
	}
	return true
}
