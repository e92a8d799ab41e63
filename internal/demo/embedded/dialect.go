package main

import (
	"regexp"
	"strings"
)

var (
	asNow     = regexp.MustCompile(`(?i)\bas\s+now\b`)
	noWait    = regexp.MustCompile(`(?i)\b(for\s+update)\s+(?:nowait|skip\s+locked)\b`)
	endsWith  = regexp.MustCompile(`(?i)\blike\s*$`)
	wildcards = strings.NewReplacer(`\\_`, `\_`, `\\%`, `\%`)
)

// translate puts a statement into words that this engine understands as the
// servers do, and leaves every literal but a LIKE pattern alone:
//
//   - a column alias NOW is a syntax error unless it is quoted;
//   - so is NOWAIT, and there is nobody to wait for;
//   - a LIKE pattern whose escaped wildcard came in with its backslash doubled,
//     as client libraries write it, matches nothing; with a single backslash
//     it matches, though any character stands for the wildcard then.
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
			part = asNow.ReplaceAllString(part, "AS `now`")
			part = noWait.ReplaceAllString(part, "$1")
		case pattern:
			part, pattern = wildcards.Replace(part), false
		}
		b.WriteString(part)
	}
	return b.String()
}

// cutPart cuts the first literal, quoted name or stretch between two of them
// off a statement. An unfinished literal reaches to the end.
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
