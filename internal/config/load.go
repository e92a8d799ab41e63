package config

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// Load reads the settings from environ, "NAME=value" as os.Environ gives them
// (the list and not a look-up, because a misspelt name can only be found in a
// list), and the files they name through readFile, such as os.ReadFile.
//
// Its error is a Problems: all that is wrong, by variable. The Config is the
// zero Config then.
func Load(environ []string, readFile func(name string) ([]byte, error)) (Config, error) {
	return newLoader(environ, readFile).load()
}

func newLoader(environ []string, readFile func(name string) ([]byte, error)) *loader {
	return &loader{env: environment(environ), readFile: readFile, found: map[string]setting{}}
}

func (l *loader) load() (Config, error) {
	l.unknownNames()
	l.readWPConfig()

	var c Config
	for _, v := range variables() {
		if v.set != nil {
			l.set(&c, v)
		}
	}
	l.database(&c)
	l.salts(&c)
	l.crossCheck(&c)

	if err := l.problems.sorted(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// environment keeps the first of two equal names, as os.LookupEnv does.
func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, entry := range environ {
		name, value, found := strings.Cut(entry, "=")
		if _, taken := env[name]; found && !taken {
			env[name] = value
		}
	}
	return env
}

// loader gathers problems while the settings are read.
type loader struct {
	env      map[string]string
	readFile func(string) ([]byte, error)
	found    map[string]setting // by variable: so that a file is read, and complained of, once
	wp       wpValues
	problems Problems
}

// setting is what one variable was given.
type setting struct {
	text     string
	source   string // who gave it: the variable, its _FILE form, or AUTOWEBINAR_WP_CONFIG
	constant string // what wp-config.php calls it, if the text is from there
	hidden   bool   // the text may be shown in no message
	state    state
}

type state int

const (
	absent state = iota
	given
	broken // given, but unreadable: the problem is already noted
)

// lookup finds a variable's text: X_FILE where it is not empty, else X, else
// wp-config.php.
func (l *loader) lookup(v variable) setting {
	s, known := l.found[v.name]
	if !known {
		s = l.withoutComment(v, l.search(v))
		l.found[v.name] = s
	}
	if value, set := l.wp.values[v.name]; set && s.state == absent {
		return value
	}
	return s
}

// search asks the environment. As in the official image, a WORDPRESS_ variable
// that is set to nothing is set; an AUTOWEBINAR_ one is not.
func (l *loader) search(v variable) setting {
	if path := l.env[v.name+fileSuffix]; path != "" {
		return l.fromFile(v, path)
	}
	text, set := l.env[v.name]
	if set && (text != "" || !strings.HasPrefix(v.name, ownPrefix)) {
		return setting{text: text, source: v.name, hidden: v.secret, state: given}
	}
	return setting{source: v.name}
}

// withoutComment refuses a value with a comment behind it: neither Docker nor
// systemd takes comments out of a line, and some settings would take them in.
func (l *loader) withoutComment(v variable, s setting) setting {
	if s.state != given || v.raw || !regexp.MustCompile(`(^|\s)#`).MatchString(s.text) {
		return s
	}
	l.invalid(s, errors.New("must not end in a comment: a comment must have a line of its own"))
	return setting{source: s.source, hidden: s.hidden, state: broken}
}

// fromFile never shows what it read, whatever the variable: a wrong path may
// name any file.
func (l *loader) fromFile(v variable, path string) setting {
	s := setting{source: v.name + fileSuffix, hidden: true, state: broken}
	content, err := l.readFile(path)
	if err != nil {
		l.problem(s.source, ErrFile, "%s", unreadable(err))
		return s
	}
	s.text = strings.TrimRight(string(content), "\r\n")
	if s.text == "" && strings.HasPrefix(v.name, ownPrefix) {
		l.problem(s.source, ErrFile, "the file is empty")
		return s
	}
	s.state = given
	return s
}

// unreadable says why a file could not be read, without its path: a secret
// given where a path belongs must not be printed.
func unreadable(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return "the file cannot be read: " + pathErr.Err.Error()
	}
	return "the file cannot be read"
}

// set parses one variable into the Config.
func (l *loader) set(c *Config, v variable) {
	s := l.lookup(v)
	if s.state == absent {
		s.text = v.def
	}
	if s.state == broken || s.text == "" {
		return
	}
	if err := v.set(c, s.text); err != nil {
		l.invalid(s, err)
	}
}

func (l *loader) missing(name, what string) { l.problem(name, ErrMissing, "is required: %s", what) }

func (l *loader) invalid(s setting, rule error) {
	switch {
	case s.constant != "":
		l.problem(s.source, ErrInvalid, "%s %s", s.constant, rule)
	case s.hidden || s.text == "":
		l.problem(s.source, ErrInvalid, "%s", rule)
	default:
		l.problem(s.source, ErrInvalid, "%s, not %q", rule, s.text)
	}
}

func (l *loader) problem(name string, kind error, format string, args ...any) {
	l.problems = append(l.problems, Problem{Variable: name, Kind: kind, Text: fmt.Sprintf(format, args...)})
}
