package main

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clientParams are the DSN parameters of the service.
const clientParams = "?interpolateParams=true&parseTime=true&charset=utf8mb4&collation=utf8mb4_unicode_520_ci"

// dsn is that of the one engine that all tests share, because the engine has
// process-wide state and a second one would race with it. For the same reason no test
// is parallel.
var dsn string

// TestMain runs the program as the demo does: it reads one line, keeps stdin open
// and waits for the end.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		stdin, parent := io.Pipe()
		lines, stdout := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- run(stdin, stdout) }()
		line, err := bufio.NewReader(lines).ReadString('\n')
		if err != nil {
			fmt.Fprintln(os.Stderr, "no DSN:", err)
			return 1
		}
		dsn = strings.TrimSpace(line)
		code := m.Run()
		parent.Close()
		if err := <-done; err != nil {
			fmt.Fprintln(os.Stderr, "engine:", err)
			return 1
		}
		return code
	}())
}

// open connects and recreates WordPress's two tables with the demo's schema.
func open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn+clientParams)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	exec(t, db, "DROP TABLE IF EXISTS wp_users, wp_usermeta")
	schema, err := os.ReadFile("../schema.sql")
	require.NoError(t, err)
	for statement := range strings.SplitSeq(string(schema), ";\n") {
		if strings.TrimSpace(statement) != "" {
			exec(t, db, statement)
		}
	}
	return db
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func exec(t *testing.T, on execer, query string, args ...any) int64 {
	t.Helper()
	result, err := on.ExecContext(t.Context(), query, args...)
	require.NoError(t, err, query)
	n, err := result.RowsAffected()
	require.NoError(t, err)
	return n
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// query returns all rows as text; NULL becomes "NULL".
func query(t *testing.T, on queryer, text string, args ...any) [][]string {
	t.Helper()
	rows, err := on.QueryContext(t.Context(), text, args...)
	require.NoError(t, err, text)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var all [][]string
	for rows.Next() {
		cells, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		require.NoError(t, rows.Scan(into...))
		row := make([]string, len(columns))
		for i, cell := range cells {
			row[i] = cell.String
			if !cell.Valid {
				row[i] = "NULL"
			}
		}
		all = append(all, row)
	}
	require.NoError(t, rows.Err())
	return all
}

func conn(t *testing.T, db *sql.DB) *sql.Conn {
	t.Helper()
	c, err := db.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestDSNNamesTheDatabase(t *testing.T) {
	db := open(t)
	assert.Regexp(t, `^root@tcp\(127\.0\.0\.1:\d+\)/wordpress$`, dsn)
	assert.Equal(t, [][]string{{"wordpress"}}, query(t, db, "SELECT DATABASE()"))
}

func TestSessionSettings(t *testing.T) {
	c := conn(t, open(t))
	for _, set := range []string{
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
		"SET SESSION innodb_lock_wait_timeout=5",
		"SET SESSION max_statement_time=2",
		"SET SESSION innodb_snapshot_isolation=OFF, wait_timeout=7",
		"SET SESSION sql_mode='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
		"SET NAMES utf8mb4",
	} {
		exec(t, c, set)
	}
	assert.Equal(t,
		[][]string{{"READ-COMMITTED", "7", "NO_ENGINE_SUBSTITUTION,STRICT_TRANS_TABLES"}},
		query(t, c, "SELECT @@transaction_isolation, @@wait_timeout, @@sql_mode"),
		"known settings are applied although one in the statement is unknown")

	_, err := c.ExecContext(t.Context(), "SETT SESSION wait_timeout=5")
	assert.Error(t, err, "other failures are reported")
}

func TestStatementsOfTheService(t *testing.T) {
	db := open(t)
	exec(t, db, "INSERT INTO wp_users (ID, user_login) VALUES (?, ?), (?, ?)", 1, "anna", 2, "boris")
	for _, step := range []struct {
		text string
		args []any
		want int64
	}{
		{"INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (?,?,?),(?,?,?),(?,?,?)",
			[]any{1, "autowebinar_session_id", "it's \\ 1", 1, "autowebinar_outbox", "1|x", 2, "nickname", "FORCE INDEX"}, 3},
		{"UPDATE wp_usermeta SET meta_value = CASE umeta_id WHEN ? THEN ? WHEN ? THEN ? END WHERE umeta_id IN (?,?)",
			[]any{1, "s2", 2, "1|y", 1, 2}, 2},
		{"UPDATE wp_usermeta SET meta_key = ? WHERE umeta_id = ? AND meta_value = ?", []any{"autowebinar_outbox_wait", 2, "1|y"}, 1},
		{"DELETE FROM wp_usermeta WHERE umeta_id = ? AND meta_value = ?", []any{2, "stale"}, 0},
		{`INSERT INTO wp_usermeta (umeta_id, user_id, meta_key, meta_value) VALUES (?,?,?,?),(?,?,?,?)
			ON DUPLICATE KEY UPDATE meta_key = VALUES(meta_key), meta_value = VALUES(meta_value)`,
			[]any{1, 1, "autowebinar_session_id", "s3", nil, 2, "autowebinar_session_id", "s4"}, 3},
		{"INSERT INTO wp_usermeta (user_id, meta_key, meta_value) SELECT ID, ?, ? FROM wp_users WHERE ID = ?", []any{"autowebinar_left_at", "now", 9}, 0},
	} {
		assert.Equal(t, step.want, exec(t, db, step.text, step.args...), step.text)
	}
	for _, read := range []struct {
		text string
		args []any
		want [][]string
	}{
		{`SELECT umeta_id, user_id, meta_key, meta_value, EXISTS (SELECT 1 FROM wp_users u WHERE u.ID = m.user_id) AS user_exists
			FROM wp_usermeta m FORCE INDEX (user_id)
			WHERE user_id IN (?,?) AND meta_key LIKE 'autowebinar\_%' ORDER BY umeta_id FOR UPDATE`, []any{1, 2},
			[][]string{{"1", "1", "autowebinar_session_id", "s3", "1"}, {"2", "1", "autowebinar_outbox_wait", "1|y", "1"}, {"4", "2", "autowebinar_session_id", "s4", "1"}}},
		{"SELECT umeta_id FROM `wp_usermeta` FORCE INDEX (meta_key) WHERE meta_key = ? LIMIT 20", []any{"autowebinar_outbox_wait"}, [][]string{{"2"}}},
		{"SELECT (SELECT COUNT(*) FROM wp_usermeta WHERE user_id = ?), EXISTS (SELECT 1 FROM wp_users WHERE ID = ?)", []any{1, 9}, [][]string{{"2", "0"}}},
		{"SELECT umeta_id FROM wp_usermeta WHERE meta_key LIKE ? ORDER BY umeta_id DESC LIMIT 1", []any{`autowebinar\_%`}, [][]string{{"4"}}},
		{"SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?", []any{"wp_usermeta"}, [][]string{{"InnoDB"}}},
	} {
		assert.Equal(t, read.want, query(t, db, read.text, read.args...), read.text)
	}
}

func TestClockReturnsWholeSeconds(t *testing.T) {
	db := open(t)
	assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, query(t, db, "SELECT UTC_TIMESTAMP()")[0][0])
	assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, query(t, db, "SELECT SYSDATE() AS now")[0][0])
	assert.Regexp(t, `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`, query(t, db, "SELECT CAST(UTC_TIMESTAMP() AS CHAR)")[0][0])
}

func TestPreparedStatementsPassTheGate(t *testing.T) {
	db := open(t)
	insert, err := db.PrepareContext(t.Context(), "INSERT INTO wp_usermeta (user_id, meta_key) VALUES (?, ?)")
	require.NoError(t, err)
	defer insert.Close()
	var all []func() error
	for i := range 20 {
		all = append(all, func() error {
			_, err := insert.ExecContext(context.Background(), i, fmt.Sprint("k", i))
			return err
		})
	}
	together(t, all)
	assert.Equal(t, [][]string{{"20"}}, query(t, db, "SELECT COUNT(*) FROM wp_usermeta"))
}
