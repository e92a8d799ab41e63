package wordpress

import (
	"errors"
	"fmt"
	"strings"
)

// ErrConfigFile means that a wp-config.php is not PHP source that can be split
// into tokens.
var ErrConfigFile = errors.New("wordpress: unreadable wp-config.php")

const (
	maxConfigBytes = 1 << 20
	tablePrefix    = "$table_prefix"
)

// ConfigFile is what a wp-config.php says of the settings that matter here.
type ConfigFile struct {
	// Constants by name. True is "1", false and null are "", as PHP would print
	// them. A constant that the file does not define is not in the map.
	Constants map[string]string
	// TablePrefix is the value of $table_prefix, "" where the file has none.
	TablePrefix string
	// Unreadable are the settings that the file gives, but not as a literal.
	Unreadable []Unreadable
}

// Unreadable names a setting whose value cannot be known without running PHP.
type Unreadable struct {
	Name   string // of the constant, or $table_prefix
	Line   int
	Reason string
}

// String gives `DB_HOST (line 12): is an expression`.
func (u Unreadable) String() string { return fmt.Sprintf("%s (line %d): %s", u.Name, u.Line, u.Reason) }

// CookieName is the name of the login cookie if the file fixes it, else "".
func (c ConfigFile) CookieName() string {
	if name := c.Constants["LOGGED_IN_COOKIE"]; name != "" {
		return name
	}
	if hash := c.Constants["COOKIEHASH"]; hash != "" {
		return cookiePrefix + hash
	}
	return ""
}

// wanted tells the constants that are read: everything else in the file may be
// as dynamic as it likes.
func wanted(name string) bool {
	switch name {
	case "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_HOST", "DB_CHARSET", "DB_COLLATE", "MYSQL_CLIENT_FLAGS",
		"AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY", "SECRET_KEY",
		"AUTH_SALT", "SECURE_AUTH_SALT", "LOGGED_IN_SALT", "NONCE_SALT", "SECRET_SALT",
		"CUSTOM_USER_TABLE", "CUSTOM_USER_META_TABLE",
		"MULTISITE", "WP_SITEURL", "COOKIEHASH", "LOGGED_IN_COOKIE":
		return true
	}
	return false
}

// ParseConfig reads a wp-config.php of at most 1 MiB. Nothing is executed and
// nothing is guessed: a value counts if it is a literal,
// getenv_docker('NAME', 'default') or getenv('NAME'), which are answered by
// lookup, and if its statement is certain to run or is guarded by nothing but
// !defined() of the same name. Any other definition is listed as Unreadable. As
// in PHP the first definition of a constant and the last value of a variable
// win. What other files define, or WORDPRESS_CONFIG_EXTRA, is not seen. A nil
// lookup is an empty environment.
//
// ErrConfigFile: too long, or a string or a comment has no end.
func ParseConfig(src []byte, lookup LookupFunc) (ConfigFile, error) {
	if len(src) > maxConfigBytes {
		return ConfigFile{}, fmt.Errorf("%w: %d bytes", ErrConfigFile, len(src))
	}
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	tokens, err := lexPHP(src)
	if err != nil {
		return ConfigFile{}, err
	}
	r := configReader{tokens: tokens, lookup: lookup, settled: make(map[string]bool)}
	r.file.Constants = make(map[string]string)
	r.run()
	return r.file, nil
}

type configReader struct {
	tokens  []token
	lookup  LookupFunc
	flow    phpFlow
	file    ConfigFile
	settled map[string]bool
}

func (r *configReader) run() {
	for i := range r.tokens {
		r.flow.step(r.tokens, i)
		switch t := r.tokens[i]; {
		case t.keyword("define"):
			r.define(i)
		case t.keyword("const"):
			r.constant(i)
		case t.kind == tokenVariable && t.text == tablePrefix:
			r.prefix(i)
		}
	}
}

// at returns the token at i, or a zero name beyond the end.
func (r *configReader) at(i int) token {
	if i < 0 || i >= len(r.tokens) {
		return token{}
	}
	return r.tokens[i]
}

// define reads `define('NAME', value)`, and the case flag of old after it.
func (r *configReader) define(i int) {
	before := r.at(i - 1)
	if before.punct("->") || before.punct("::") || before.keyword("function", "new") ||
		!r.at(i+1).punct("(") || !r.at(i+3).punct(",") {
		return
	}
	name := r.at(i + 2)
	if name.kind != tokenString || !wanted(name.text) || r.settled[name.text] {
		return
	}
	value, next, reason := r.value(i + 4)
	if r.at(next).punct(",") && r.at(next+1).keyword("true", "false") {
		next += 2
	}
	if reason == "" && !r.at(next).punct(")") {
		reason = reasonExpression
	}
	if reason == "" && !r.flow.certain(r.tokens, i, name.text) {
		reason = reasonConditional
	}
	r.settle(name.text, value, name.line, reason)
}

// constant reads `const NAME = value;`. Inside of braces that is a class's.
func (r *configReader) constant(i int) {
	name := r.at(i + 1)
	if name.kind != tokenName || !wanted(name.text) || r.settled[name.text] ||
		!r.flow.topLevel(i) || !r.at(i+2).punct("=") {
		return
	}
	value, next, reason := r.value(i + 3)
	if reason == "" && next < len(r.tokens) && !r.at(next).punct(";") {
		reason = reasonExpression
	}
	r.settle(name.text, value, name.line, reason)
}

func (r *configReader) settle(name, value string, line int, reason string) {
	r.settled[name] = true
	if reason != "" {
		r.file.Unreadable = append(r.file.Unreadable, Unreadable{Name: name, Line: line, Reason: reason})
		return
	}
	r.file.Constants[name] = value
}

// prefix reads `$table_prefix = value;`. Each assignment replaces what was
// known: by a value, or by the knowledge that there is none.
func (r *configReader) prefix(i int) {
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
	if reason == "" && !r.flow.topLevel(i) {
		reason = reasonConditional
	}
	kept := r.file.Unreadable[:0]
	for _, u := range r.file.Unreadable {
		if u.Name != tablePrefix {
			kept = append(kept, u)
		}
	}
	r.file.Unreadable, r.file.TablePrefix = kept, ""
	if reason != "" {
		r.file.Unreadable = append(kept, Unreadable{Name: tablePrefix, Line: r.at(i).line, Reason: reason})
		return
	}
	r.file.TablePrefix = value
}

// Reasons of Unreadable.
const (
	reasonExpression   = "is an expression, not a literal"
	reasonInterpolated = "is a string with variables in it"
	reasonConditional  = "is set under a condition"
)

// value reads one value from token i on and returns the index after it.
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
	case t.keyword("getenv") && r.call(i, 1):
		value, _ = r.lookup(r.at(i + 2).text)
		return value, i + 4, ""
	case t.keyword("getenv_docker") && r.call(i, 2):
		value, ok, err := r.lookup.LookupFile(r.at(i + 2).text)
		if err != nil {
			return "", i + 6, err.Error()
		}
		if !ok {
			value = r.at(i + 4).text
		}
		return value, i + 6, ""
	}
	return "", i + 1, reasonExpression
}

// call reports whether a name is followed by so many literal strings in
// parentheses.
func (r *configReader) call(i, args int) bool {
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
