package main

import (
	"regexp"
	"strings"
)

var (
	aliases   = regexp.MustCompile(`(?i)\bas\s+(now|first)\b`)
	noWait    = regexp.MustCompile(`(?i)\b(for\s+update)\s+(?:nowait|skip\s+locked)\b`)
	endsWith  = regexp.MustCompile(`(?i)\blike\s*$`)
	wildcards = strings.NewReplacer(`\\_`, `\_`, `\\%`, `\%`)
)

// translate rewrites what servers accept and this engine does not. It changes no
// literal but a LIKE pattern:
//
//   - the aliases NOW and FIRST are syntax errors unless they are quoted;
//   - NOWAIT is a syntax error, and unneeded where transactions are serial;
//   - a LIKE pattern with a doubled backslash before a wildcard, as client
//     libraries write it, matches nothing; with a single backslash it matches,
//     although the wildcard then stands for any character.
func translate(query string) string {
	var b strings.Builder
	pattern := false
	for rest := query; rest != ""; {
		var part string
		var quoted bool
		part, rest, quoted = cutPart(rest)
		switch {
		case !quoted:
			pattern = endsWith.MatchString(part)
			part = aliases.ReplaceAllString(part, "AS `$1`")
			part = noWait.ReplaceAllString(part, "$1")
		case pattern:
			part, pattern = wildcards.Replace(part), false
		}
		b.WriteString(part)
	}
	return b.String()
}

// cutPart splits the first literal, the first quoted name or the text before it
// off a statement. An unterminated literal extends to the end.
func cutPart(query string) (part, rest string, quoted bool) {
	quote := query[0]
	if !strings.ContainsRune("'\"`", rune(quote)) {
		if at := strings.IndexAny(query, "'\"`"); at >= 0 {
			return query[:at], query[at:], false
		}
		return query, "", false
	}
	for i := 1; i < len(query); i++ {
		switch {
		case query[i] == '\\' && quote != '`':
			i++
		case query[i] == quote:
			return query[:i+1], query[i+1:], true
		}
	}
	return query, "", true
}
