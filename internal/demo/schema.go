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

// schemaSQL is the schema of WordPress 5.7 to 7.1 (wp_get_db_schema).
//
//go:embed schema.sql
var schemaSQL string

// mailDomain marks the demo's own users. RFC 2606 reserves the domain.
const mailDomain = "@demo.invalid"

// prepareTables creates the two tables unless they exist. If they contain users
// other than the demo's, it returns ErrForeignUsers.
func prepareTables(ctx context.Context, dsn string) error {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer db.Close()

	var foreign int
	err = db.QueryRowContext(ctx,
		"SELECT COUNT(*) FROM wp_users WHERE user_email NOT LIKE '%"+mailDomain+"'").Scan(&foreign)
	switch {
	case isNoSuchTable(err):
		return execAll(ctx, dsn, statements(schemaSQL)...)
	case err != nil:
		return fmt.Errorf("demo: inspect the database: %w", err)
	case foreign > 0:
		return fmt.Errorf("%w: wp_users has %d users that are not of the demo; use an empty database", ErrForeignUsers, foreign)
	}
	return nil
}

func isNoSuchTable(err error) bool {
	const number = 1146
	var sqlErr *mysql.MySQLError
	return errors.As(err, &sqlErr) && sqlErr.Number == number
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
