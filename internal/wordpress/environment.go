package wordpress

import (
	"fmt"
	"os"
	"strings"
)

// LookupFunc finds an environment variable; os.LookupEnv is one.
type LookupFunc func(name string) (value string, ok bool)

// Docker finds a setting as getenv_docker of the official image does: the
// content of the file that NAME_FILE names, without line ends at its end, else
// NAME, for which an empty value counts as set. An error means that the file
// cannot be read.
func (lookup LookupFunc) LookupFile(name string) (value string, ok bool, err error) {
	// PHP tests NAME_FILE for truth, to which "0" is false.
	if path, _ := lookup(name + "_FILE"); path != "" && path != "0" {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", false, fmt.Errorf("wordpress: %s_FILE: %w", name, err)
		}
		return strings.TrimRight(string(content), "\r\n"), true, nil
	}
	value, ok = lookup(name)
	return value, ok, nil
}
