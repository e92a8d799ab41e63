package mariadbtest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ownRows selects the rows that the service may write. It compares bytes: a row with
// the key AutoWebinar_x is not the service's.
const ownRows = `SUBSTRING(CAST(meta_key AS BINARY), 1, 12) = CAST('autowebinar_' AS BINARY)`

// Checksum returns a hash of the database without the rows of wp_usermeta whose key
// begins with autowebinar_: of the definitions of all tables, views, triggers, routines
// and events, and of every row. AUTO_INCREMENT counters are left out.
func (d *DB) Checksum(t testing.TB) string {
	t.Helper()
	tx, err := d.SQL.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	require.NoError(t, err)
	defer tx.Rollback()

	var tables []string
	for row, err := range query(t.Context(), tx,
		`SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name`) {
		require.NoError(t, err)
		tables = append(tables, string(row[0]))
	}
	statements := []string{
		"SHOW CREATE DATABASE `" + d.Name + "`",
		`SELECT trigger_name, event_object_table, action_timing, event_manipulation, action_statement
			FROM information_schema.triggers WHERE trigger_schema = DATABASE()`,
		`SELECT routine_type, routine_name, routine_definition
			FROM information_schema.routines WHERE routine_schema = DATABASE()`,
		`SELECT event_name, event_definition, status FROM information_schema.events WHERE event_schema = DATABASE()`,
	}
	for _, table := range tables {
		statements = append(statements, "SHOW CREATE TABLE `"+table+"`")
		rows := "SELECT * FROM `" + table + "`"
		if table == "wp_usermeta" {
			rows += " WHERE meta_key IS NULL OR NOT " + ownRows
		}
		statements = append(statements, rows)
	}

	sum := sha256.New()
	for _, statement := range statements {
		digest, err := digest(t.Context(), tx, statement)
		require.NoError(t, err, statement)
		fmt.Fprintf(sum, "%s\n%x\n", statement, digest)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

var autoIncrement = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

// digest returns a hash of the rows of a result in any order.
func digest(ctx context.Context, tx *sql.Tx, statement string) ([]byte, error) {
	definition := strings.HasPrefix(statement, "SHOW CREATE TABLE")
	var rows [][sha256.Size]byte
	for row, err := range query(ctx, tx, statement) {
		if err != nil {
			return nil, err
		}
		var encoded []byte
		for _, column := range row {
			if column == nil {
				encoded = append(encoded, 0)
				continue
			}
			if definition {
				column = autoIncrement.ReplaceAll(column, nil)
			}
			encoded = append(encoded, 1)
			encoded = binary.AppendUvarint(encoded, uint64(len(column)))
			encoded = append(encoded, column...)
		}
		rows = append(rows, sha256.Sum256(encoded))
	}
	slices.SortFunc(rows, func(a, b [sha256.Size]byte) int { return slices.Compare(a[:], b[:]) })
	all := sha256.New()
	for _, row := range rows {
		all.Write(row[:])
	}
	return all.Sum(nil), nil
}

// query yields the rows of a result. A row is valid only until the next
// iteration.
func query(ctx context.Context, tx *sql.Tx, statement string) func(yield func([][]byte, error) bool) {
	return func(yield func([][]byte, error) bool) {
		rows, err := tx.QueryContext(ctx, statement)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			yield(nil, err)
			return
		}
		row := make([][]byte, len(columns))
		targets := make([]any, len(columns))
		for i := range row {
			targets[i] = &row[i]
		}
		for rows.Next() {
			if !yield(row, rows.Scan(targets...)) {
				return
			}
		}
		if err := cmp.Or(rows.Err(), rows.Close()); err != nil {
			yield(nil, err)
		}
	}
}
