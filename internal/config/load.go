package config

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// Load reads the settings from environ, which has the form of os.Environ, and
// the files that they name with readFile, such as os.ReadFile. It needs the whole
// environment to detect misspelled names.
//
// The error is a Problems; the Config is then the zero Config.
func Load(environ []string, readFile func(name string) ([]byte, error)) (Config, error) {
	return newLoader(environ, readFile).load()
}

func newLoader(environ []string, readFile func(name string) ([]byte, error)) *loader {
	return &loader{env: parseEnviron(environ), readFile: readFile, lookups: map[string]setting{}}
}

func (l *loader) load() (Config, error) {
	l.checkUnknownNames()
	l.readWPConfig()

	var c Config
	for _, v := range variables() {
		if v.set != nil {
			l.setField(&c, v)
		}
	}
	l.database(&c)
	l.salts(&c)
	l.validate(&c)

	if len(l.problems) == 0 {
		return c, nil
	}
	slices.SortFunc(l.problems, func(a, b Problem) int { return strings.Compare(a.Error(), b.Error()) })
	return Config{}, l.problems
}

// validate checks conditions that involve several settings.
func (l *loader) validate(c *Config) {
	secret, url := l.lookup(variableNamed(webhookSecret)), l.lookup(variableNamed(webhookURL))
	if url.state == absent {
		l.missing(webhookURL, "set the URL that events are sent to, or off")
	}
	if secret.state == absent && url.text != "off" {
		l.missing(webhookSecret, "events are signed with it, unless "+webhookURL+" is off")
	}
	// Port 0 means any free port, so two of them do not conflict.
	if c.Listen != "" && c.Listen == c.AdminListen && !strings.HasSuffix(c.Listen, ":0") {
		l.problem(adminListen, ErrInvalid, "must differ from %s", listen)
	}
}

// parseEnviron keeps the first of two equal names, as os.LookupEnv does.
func parseEnviron(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, entry := range environ {
		name, value, found := strings.Cut(entry, "=")
		if _, exists := env[name]; found && !exists {
			env[name] = value
		}
	}
	return env
}

// loader reads the settings and collects problems.
type loader struct {
	env      map[string]string
	readFile func(string) ([]byte, error)
	lookups  map[string]setting // cached by variable, so that a file is read and reported once
	wp       wpValues
	problems Problems
}

// setting is the unparsed value of a variable.
type setting struct {
	text     string
	source   string // the variable, its _FILE form, or AUTOWEBINAR_WP_CONFIG
	constant string // the constant, if the text comes from wp-config.php
	hidden   bool   // messages must not contain the text
	state    state
}

type state int

const (
	absent state = iota
	present
	unreadable // set but unusable; the problem has been reported
)

// lookup returns the value of a variable: from X_FILE if that is not empty, else
// from X, else from wp-config.php.
func (l *loader) lookup(v variable) setting {
	s, cached := l.lookups[v.name]
	if !cached {
		s = l.rejectComment(v, l.lookupEnvironment(v))
		l.lookups[v.name] = s
	}
	if value, set := l.wp.values[v.name]; set && s.state == absent {
		return value
	}
	return s
}

// lookupEnvironment returns the value from X_FILE or X. An empty WORDPRESS_
// variable counts as set, as in the official image; an empty AUTOWEBINAR_
// variable does not.
func (l *loader) lookupEnvironment(v variable) setting {
	if path := l.env[v.name+fileSuffix]; path != "" {
		return l.readValueFile(v, path)
	}
	text, set := l.env[v.name]
	if set && (text != "" || !strings.HasPrefix(v.name, autowebinarPrefix)) {
		return setting{text: text, source: v.name, hidden: v.secret, state: present}
	}
	return setting{source: v.name}
}

// rejectComment reports a value with a trailing comment. Docker and systemd do
// not strip comments from lines, and some settings would accept them.
func (l *loader) rejectComment(v variable, s setting) setting {
	if s.state != present || v.raw || !regexp.MustCompile(`(^|\s)#`).MatchString(s.text) {
		return s
	}
	l.invalid(s, errors.New("must not end with a comment; put comments on separate lines"))
	return setting{source: s.source, hidden: s.hidden, state: unreadable}
}

// readValueFile hides the value even if the variable is no secret, because a
// wrong path may name any file.
func (l *loader) readValueFile(v variable, path string) setting {
	s := setting{source: v.name + fileSuffix, hidden: true, state: unreadable}
	content, err := l.readFile(path)
	if err != nil {
		l.problem(s.source, ErrFile, "%s", fileErrorText(err))
		return s
	}
	s.text = strings.TrimRight(string(content), "\r\n")
	if s.text == "" && strings.HasPrefix(v.name, autowebinarPrefix) {
		l.problem(s.source, ErrFile, "the file is empty")
		return s
	}
	s.state = present
	return s
}

// fileErrorText describes an error without the path, which may be a secret that
// was set instead of a path.
func fileErrorText(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return "the file cannot be read: " + pathErr.Err.Error()
	}
	return "the file cannot be read"
}

// setField parses one variable into the Config.
func (l *loader) setField(c *Config, v variable) {
	s := l.lookup(v)
	if s.state == absent {
		s.text = v.def
	}
	if s.state == unreadable || s.state == absent && s.text == "" {
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
