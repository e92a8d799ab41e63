package cli

import (
	"bytes"
	"encoding/csv"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

func TestExportWritesOneRowPerSession(t *testing.T) {
	t.Parallel()
	f := newIntroFixture(t)
	f.exit(t, 2, "intro")
	f.SetMeta(t, 2, "autowebinar_registered@intro", "2026-01-01 00:00:00")
	f.exec(t, "UPDATE wp_users SET user_login = '-2+3' WHERE ID = 2")
	f.exec(t, `UPDATE wp_usermeta SET meta_value = '=HYPERLINK("http://evil.example","click")' WHERE user_id = 3 AND meta_key = 'autowebinar_session_id@intro'`)
	before := f.Checksum(t)
	code, out, errs := runCommand(t, f.env, "export", "--webinar", "intro")
	require.Equal(t, 0, code, errs)
	golden(t, "export.golden.csv", out)
	assert.Equal(t, before, f.Checksum(t))

	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	require.NoError(t, err)
	assert.Len(t, rows, 1+4)

	_, out, _ = runCommand(t, f.env, "export", "--webinar", "without-viewers")
	assert.Equal(t, strings.Join(exportHeader(), ",")+"\n", out)
}

// Every text becomes exactly one cell that is not a formula.
func TestEscapeFormula(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ \t\r\n=+@-]{0,3}[a-z"',=]{0,5}`)).Draw(t, "text")
		cell := escapeFormula(text)
		assert.NotContains(t, cell, "\n")
		assert.NotContains(t, cell, "\r")
		if trimmed := strings.TrimLeft(cell, " \t"); trimmed != "" {
			assert.NotContains(t, "=+-@", trimmed[:1])
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		require.NoError(t, w.Write([]string{"1", cell, "2"}))
		w.Flush()
		row, err := csv.NewReader(&b).Read()
		require.NoError(t, err)
		assert.Equal(t, []string{"1", cell, "2"}, row)
	})
}

// The export of 100,000 viewers keeps their ids in memory, but not their sessions.
func TestExportIsStreamed(t *testing.T) {
	t.Parallel()
	const viewers = 100_000
	db := mariadbtest.New(t)
	const digits = "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
	const number = "1 + a.d + 10*b.d + 100*c.d + 1000*e.d + 10000*f.d"
	for _, row := range []string{"'autowebinar_webinar_id', 'intro'", "'autowebinar_session_id', CONCAT('session-', " + number + ")"} {
		_, err := db.SQL.ExecContext(t.Context(), "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) SELECT "+number+", "+row+
			" FROM "+strings.Join([]string{digits + " a", digits + " b", digits + " c", digits + " e", digits + " f"}, ", "))
		require.NoError(t, err)
	}
	cmd := exec.CommandContext(t.Context(), servicetest.Build(t), "export", "--webinar", "intro")
	cmd.Env = append(testEnv(db, "http://127.0.0.1:1/"), "GODEBUG=gctrace=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Run(), errs.String())
	assert.Equal(t, 1+viewers, bytes.Count(out.Bytes(), []byte("\n")))
	largest := 0
	for _, collection := range regexp.MustCompile(`(\d+)->\d+->\d+ MB`).FindAllStringSubmatch(errs.String(), -1) {
		heap, err := strconv.Atoi(collection[1])
		require.NoError(t, err)
		largest = max(largest, heap)
	}
	t.Logf("the heap had at most %d MB", largest)
	assert.Positive(t, largest)
	assert.LessOrEqual(t, largest, 24, "MB")
}
