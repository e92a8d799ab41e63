package demo

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// schemaSQL is what WordPress 5.7 to 7.1 makes (wp_get_db_schema).
//
//go:embed schema.sql
var schemaSQL string

// mailDomain marks the demo's own users; RFC 2606 keeps it from being anyone's.
const mailDomain = "@demo.invalid"

// prepare makes the two tables, or finds them fit to be the demo's.
func prepare(ctx context.Context, dsn string) error {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer db.Close()

	var strangers int
	err = db.QueryRowContext(ctx,
		"SELECT COUNT(*) FROM wp_users WHERE user_email NOT LIKE '%"+mailDomain+"'").Scan(&strangers)
	switch {
	case noSuchTable(err):
		return execute(ctx, dsn, statements(schemaSQL)...)
	case err != nil:
		return fmt.Errorf("demo: look at the database: %w", err)
	case strangers > 0:
		return fmt.Errorf("%w: its wp_users holds %d users that are not the demo's; name an empty database", ErrNotDemo, strangers)
	}
	return nil
}

func noSuchTable(err error) bool {
	const number = 1146
	var refusal *mysql.MySQLError
	return errors.As(err, &refusal) && refusal.Number == number
}

func statements(script string) []string {
	var list []string
	for statement := range strings.SplitSeq(script, ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			list = append(list, statement)
		}
	}
	return list
}
