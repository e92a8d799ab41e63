package config

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// What kind of problem a setting has. Callers tell them apart with errors.Is.
var (
	ErrMissing = errors.New("config: a required setting is missing")
	ErrInvalid = errors.New("config: a setting has a value it cannot have")
	ErrUnknown = errors.New("config: no setting has this name")
	ErrFile    = errors.New("config: a file named by a setting cannot be used")
)

// Problem is one thing wrong with one variable. Text says what is wrong and
// what would be right; it never holds a secret's value.
type Problem struct {
	Variable string
	Text     string
	Kind     error // ErrMissing, ErrInvalid, ErrUnknown or ErrFile
}

// Error is "<variable>: <text>".
func (p Problem) Error() string { return p.Variable + ": " + p.Text }

// Unwrap gives the kind.
func (p Problem) Unwrap() error { return p.Kind }

// Problems is the error of Load: everything that is wrong, sorted by variable.
type Problems []Problem

// Error is one line a problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each problem to errors.Is and errors.As.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// sorted is nil as an error when nothing is wrong.
func (ps Problems) sorted() error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Variable, b.Variable), strings.Compare(a.Text, b.Text))
	})
	return ps
}
