package wordpress

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrBadSalts means that WordPress does not sign with the given salts. It
// replaces a missing, default or repeated salt with a random value from its
// options table, which this service must not read.
var ErrBadSalts = errors.New("wordpress: salts unusable for cookie logins")

// samplePhrase is the default in wp-config-sample.php. Translated defaults are
// not recognized, but they occur in several constants and so count as repeated.
const samplePhrase = "put your unique phrase here"

// SaltNames returns the names of the eight constants of wp-config.php, in the
// order of its sample.
func SaltNames() []string {
	return []string{
		"AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY",
		"AUTH_SALT", "SECURE_AUTH_SALT", "LOGGED_IN_SALT", "NONCE_SALT",
	}
}

// Salts are the secrets that WordPress signs login cookies and nonces with. The
// zero value rejects all of them. Printing it shows no secret.
type Salts struct {
	loggedIn string
	nonce    string
}

// NewSalts returns the salts in values, a map of the constants in SaltNames and,
// if the site defines them, SECRET_KEY and SECRET_SALT. A value must differ from
// all others, so the last two can make another one invalid. The error wraps
// ErrBadSalts and lists every invalid constant with the reason, not the value.
func NewSalts(values map[string]string) (Salts, error) {
	var problems []string
	for _, name := range SaltNames() {
		if problem := saltProblem(name, values); problem != "" {
			problems = append(problems, name+" "+problem)
		}
	}
	if problems != nil {
		return Salts{}, fmt.Errorf("%w: %s", ErrBadSalts, strings.Join(problems, ", "))
	}
	return Salts{
		loggedIn: values["LOGGED_IN_KEY"] + values["LOGGED_IN_SALT"],
		nonce:    values["NONCE_KEY"] + values["NONCE_SALT"],
	}, nil
}

// saltProblem applies the rules of wp_salt. "0" is empty for PHP.
func saltProblem(name string, values map[string]string) string {
	value, ok := values[name]
	switch {
	case !ok:
		return "is missing"
	case value == "" || value == "0":
		return "is empty"
	case value == samplePhrase:
		return "is the sample phrase"
	}
	for _, other := range append(SaltNames(), "SECRET_KEY", "SECRET_SALT") {
		if v, ok := values[other]; ok && other != name && v == value {
			return "has the same value as " + other
		}
	}
	return ""
}

// Format implements fmt.Formatter, so that no verb prints a secret.
func (s Salts) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "Salts(redacted)")
}

func (s Salts) usable() bool { return s.loggedIn != "" && s.nonce != "" }
