package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTranslate(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT SYSDATE() AS now, 1":              "SELECT SYSDATE() AS `now`, 1",
		"SELECT SYSDATE() AS `now`":               "SELECT SYSDATE() AS `now`",
		"SELECT 1 FROM (SELECT 2) AS first":       "SELECT 1 FROM (SELECT 2) AS `first`",
		"SELECT NOW() AS nowhere":                 "SELECT NOW() AS nowhere",
		`UPDATE t SET v = 'as now', w = "as now"`: `UPDATE t SET v = 'as now', w = "as now"`,
		`SELECT 'it\'s as now', 'it''s as now'`:   `SELECT 'it\'s as now', 'it''s as now'`,
		`k LIKE 'a\\_b\\%%'`:                      `k LIKE 'a\_b\%%'`,
		`k LIKE 'a\_%'`:                           `k LIKE 'a\_%'`,
		`k LIKE 'a' AND v = 'a\\_b'`:              `k LIKE 'a' AND v = 'a\\_b'`,
		"":                                        "",
	} {
		assert.Equal(t, want, translate(query), query)
	}
}

// Quoted data is never changed.
func FuzzTranslateKeepsLiterals(f *testing.F) {
	for _, seed := range []string{"", "as now", `\`, `'`, `''`, `" as now "`, "` as now", `\\_`, "LIKE ", "é\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		literal := "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
		statement := "UPDATE t SET v = " + literal + " WHERE id = 1"
		assert.Equal(t, statement, translate(statement))
	})
}

// The concatenated parts of a statement equal the statement.
func FuzzCutPart(f *testing.F) {
	for _, seed := range []string{"a", "'", "a'b\\'c'd`e`", `"\`, "''''"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		var whole string
		for rest := query; rest != ""; {
			var part string
			part, rest, _ = cutPart(rest)
			assert.NotEmpty(t, part)
			whole += part
		}
		assert.Equal(t, query, whole)
	})
}
