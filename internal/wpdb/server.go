package wpdb

import (
	"context"
	"database/sql/driver"
	"strings"

	"github.com/jmoiron/sqlx"
)

// ReadVariable returns the value of the server variable that has one of the
// names: servers name some variables differently. sql.ErrNoRows if there is none.
func ReadVariable(ctx context.Context, q sqlx.QueryerContext, names ...string) (value string, err error) {
	query, args, err := sqlx.In("SHOW VARIABLES WHERE Variable_name IN (?)", names)
	if err != nil {
		return "", err
	}
	var name string
	err = q.QueryRowxContext(ctx, query, args...).Scan(&name, &value)
	return value, err
}

// IsOn reports whether the value of a switch such as read_only is not off; some
// servers know more values than ON.
func IsOn(value string) bool { return value != "OFF" && value != "0" }

// RepeatList returns an SQL list of n equal items.
func RepeatList(item string, n int) string {
	return strings.Repeat(", "+item, n)[2:]
}

// CloseConn closes a connection for good instead of returning it to the pool.
func CloseConn(conn *sqlx.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
