// Package text formats text for people.
package text

import (
	"strconv"
	"strings"
)

// Count returns a number with its noun, such as "1 row" or "2 rows".
func Count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// StripControl replaces control characters, which a terminal would interpret.
func StripControl(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
