package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// checkUnknownNames reports every AUTOWEBINAR_ variable that is not a setting,
// because it is probably misspelled.
func (l *loader) checkUnknownNames() {
	known := map[string]bool{}
	for _, v := range variables() {
		known[v.name], known[v.name+fileSuffix] = true, true
	}
	for name, value := range l.env {
		if !strings.HasPrefix(strings.ToUpper(name), autowebinarPrefix) || known[name] || isKubernetesServiceLink(name, value) {
			continue
		}
		text := "is not a setting"
		if near := nearest(name, known); near != "" {
			text += "; did you mean " + near + "?"
		}
		l.problem(name, ErrUnknown, "%s", text)
	}
}

// isKubernetesServiceLink reports whether a variable is one that Kubernetes sets
// in every container of a namespace for a Service whose name begins with
// "autowebinar".
func isKubernetesServiceLink(name, value string) bool {
	named := regexp.MustCompile(`_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)$`)
	link := regexp.MustCompile(`_PORT(_[0-9]+_(TCP|UDP|SCTP))?$`)
	address := regexp.MustCompile(`^(tcp|udp|sctp)://`)
	return named.MatchString(name) || link.MatchString(name) && address.MatchString(value)
}

// nearest returns the known name with the smallest edit distance, or "" if none
// is close.
func nearest(name string, known map[string]bool) string {
	best, fewest := "", 4
	for _, candidate := range slices.Sorted(maps.Keys(known)) {
		if edits := distance(strings.ToUpper(name), candidate); edits < fewest {
			best, fewest = candidate, edits
		}
	}
	return best
}

// distance returns the Levenshtein distance in bytes, since names are ASCII.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
