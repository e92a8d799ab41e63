package wordpress

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrBadSalts means that the given salts are not the ones WordPress signs with:
// it replaces a missing, default or repeated one by a random value of its
// options table, which this service may not read.
var ErrBadSalts = errors.New("wordpress: salts unfit for cookie login")

// samplePhrase is the default of wp-config-sample.php. Its translations cannot
// be told here, but whoever left them has left them for several constants.
const samplePhrase = "put your unique phrase here"

// SaltNames returns the names of the eight constants of wp-config.php, in the
// order of its sample.
func SaltNames() []string {
	return []string{
		"AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY",
		"AUTH_SALT", "SECURE_AUTH_SALT", "LOGGED_IN_SALT", "NONCE_SALT",
	}
}

// Salts are the secrets WordPress signs login cookies and nonces with. The zero
// value accepts nobody. Printed, they show nothing of themselves.
type Salts struct {
	loggedIn string
	nonce    string
}

// NewSalts takes the constants of SaltNames by name, and SECRET_KEY and
// SECRET_SALT where the site has them: a value is bad if it equals any other of
// the ten. ErrBadSalts names every bad one and says what is wrong with it, never
// its value.
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

// saltProblem applies the rules of wp_salt; "0" is empty in PHP's eyes.
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
		if twin, ok := values[other]; ok && other != name && twin == value {
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
