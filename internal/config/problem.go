package config

import "errors"

// The kinds of problems, to be compared with errors.Is.
var (
	ErrMissing = errors.New("config: missing setting")
	ErrInvalid = errors.New("config: invalid setting")
	ErrUnknown = errors.New("config: unknown setting")
	ErrFile    = errors.New("config: unusable file")
)

// Problem is a problem with one variable. Text describes the problem or a valid
// value. It never contains a secret.
type Problem struct {
	Variable string
	Text     string
	Kind     error // ErrMissing, ErrInvalid, ErrUnknown or ErrFile
}

// Error returns "<variable>: <text>".
func (p Problem) Error() string { return p.Variable + ": " + p.Text }

// Unwrap returns the kind.
func (p Problem) Unwrap() error { return p.Kind }

// Problems is the error of Load: all problems, sorted by variable.
type Problems []Problem

// Error returns one line for each problem.
func (ps Problems) Error() string { return errors.Join(ps.Unwrap()...).Error() }

// Unwrap returns the problems for errors.Is and errors.As.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}
