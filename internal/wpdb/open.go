// Package wpdb opens the database that WordPress uses, with the session settings
// that the service relies on, and classifies its errors.
package wpdb

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
)

// The settings of every connection; none that matters is left to the server or its
// init_connect. LIKE patterns and the clock depend on the SQL mode and the time
// zone. The lock waits, of rows and of tables, bound how long a request waits for
// another writer; wait_timeout bounds how long the locks of a dead client survive.
// The second line makes COMMIT end a transaction, and no statement affect or read
// fewer rows than it matches.
const (
	setIsolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
	setSession   = "SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 1, lock_wait_timeout = 2, wait_timeout = 15, " +
		"sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', " +
		"autocommit = 1, completion_type = 0, sql_safe_updates = 0, sql_select_limit = 9223372036854775807, sql_big_selects = 1"
)

// Config names a database and the two tables in it. The table names must be
// valid, which package config checks.
type Config struct {
	DSN            *mysql.Config
	UsersTable     string
	UsermetaTable  string
	MaxConnections int // of the pool; default 32
}

// DB is a pool of connections to the database.
type DB struct {
	*sqlx.DB
	Config Config
}

// Open returns a pool. It does not connect, so it succeeds even if the database
// is down.
func Open(cfg Config) (*DB, error) {
	dsn := cfg.DSN.Clone()
	dsn.InterpolateParams = true // one round trip for each statement
	dsn.RejectReadOnly = true    // after a fail-over, connect to the new primary
	dsn.MultiStatements = false
	dsn.ParseTime = false
	dsn.Loc = time.UTC
	dsn.Logger = &mysql.NopLogger{} // errors are returned; do not log them twice
	dsn.Timeout = cmp.Or(dsn.Timeout, 3*time.Second)
	dsn.ReadTimeout = cmp.Or(dsn.ReadTimeout, 5*time.Second)
	dsn.WriteTimeout = cmp.Or(dsn.WriteTimeout, 5*time.Second)
	inner, err := mysql.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("wpdb: %w", err)
	}
	db := sql.OpenDB(connector{inner})
	connections := cmp.Or(cfg.MaxConnections, 32)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(10 * time.Second) // before the server's wait_timeout
	db.SetConnMaxLifetime(10 * time.Minute)
	return &DB{sqlx.NewDb(db, "mysql"), cfg}, nil
}

// connector prepares each new connection. The isolation level cannot be set in
// the DSN, because MySQL and MariaDB have different names for the variable.
type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	var netErr net.Error
	var sqlErr *mysql.MySQLError
	switch {
	case err == nil:
	case ctx.Err() != nil || errors.As(err, &netErr) || errors.As(err, &sqlErr):
		return nil, err
	default:
		// The driver returns no typed error if the connection breaks during the
		// handshake.
		return nil, fmt.Errorf("%w: %w", driver.ErrBadConn, err)
	}
	for _, statement := range []string{setIsolation, setSession} {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, statement, nil); err != nil {
			conn.Close()
			return nil, fmt.Errorf("wpdb: prepare connection: %w", err)
		}
	}
	return conn, nil
}

// LockName returns the server-wide name of a named lock. Names depend on database
// and table, so that two sites on one server do not share locks, and fit into the
// 64 characters that GET_LOCK allows.
func (db *DB) LockName(purpose string) string {
	sum := sha256.Sum256([]byte(db.Config.DSN.DBName + "." + db.Config.UsermetaTable))
	return "autowebinar:" + hex.EncodeToString(sum[:8]) + ":" + purpose
}

// Expand replaces {users} and {usermeta} in a statement by the table names.
func (db *DB) Expand(statement string) string {
	statement = strings.ReplaceAll(statement, "{users}", quoteTable(db.Config.UsersTable))
	return strings.ReplaceAll(statement, "{usermeta}", quoteTable(db.Config.UsermetaTable))
}

// quoteTable quotes a table name, which may be `database.table`, as
// CUSTOM_USER_TABLE allows.
func quoteTable(name string) string {
	return "`" + strings.ReplaceAll(strings.ReplaceAll(name, "`", "``"), ".", "`.`") + "`"
}

// Row is one row of the usermeta table.
type Row struct {
	ID    uint64         `db:"umeta_id"`
	User  webinar.UserID `db:"user_id"`
	Key   string         `db:"meta_key"`
	Value string         `db:"meta_value"`
}

// Account is what WordPress stores of a user for the login.
type Account struct {
	ID            webinar.UserID `db:"ID"`
	Login         string         `db:"user_login"`
	PasswordHash  string         `db:"user_pass"`
	SessionTokens []byte         `db:"session_tokens"` // serialized; nil if there is no row
}

// ReadVariable returns the value of the server variable with one of the names,
// because servers name some variables differently. The error is sql.ErrNoRows if
// there is none.
func ReadVariable(ctx context.Context, q sqlx.QueryerContext, names ...string) (value string, err error) {
	query, args, err := sqlx.In("SHOW VARIABLES WHERE Variable_name IN (?)", names)
	if err != nil {
		return "", err
	}
	var name string
	err = q.QueryRowxContext(ctx, query, args...).Scan(&name, &value)
	return value, err
}

// IsOn reports whether a switch such as read_only is on. Some servers have
// several values that mean on.
func IsOn(value string) bool { return value != "OFF" && value != "0" }

// RepeatList returns an SQL list of n equal items.
func RepeatList(item string, n int) string {
	return strings.Repeat(", "+item, n)[2:]
}

// CloseConn closes a connection instead of returning it to the pool.
func CloseConn(conn *sqlx.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}

// Select reads rows into dest, a slice. A slice among args is a list, as in
// "IN (?)".
func Select(ctx context.Context, q sqlx.QueryerContext, dest any, query string, args ...any) error {
	query, args, err := sqlx.In(query, args...)
	if err != nil {
		return err
	}
	return WrapUnavailable(sqlx.SelectContext(ctx, q, dest, query, args...))
}
