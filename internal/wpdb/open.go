package wpdb

import (
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
)

// The settings of every connection. LIKE patterns and the clock depend on the SQL
// mode and the time zone. The lock waits, of rows and of tables, bound how long a
// request waits for another writer; wait_timeout bounds how long the locks of a
// dead client survive.
const (
	setIsolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
	setSession   = "SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 1, lock_wait_timeout = 2, wait_timeout = 15, " +
		"sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
)

// Config names a database and the two tables in it. Table names are trusted:
// they come from the operator and are checked by the configuration.
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

// Open returns a pool. It does not connect: a database that is down at start is
// no error.
func Open(cfg Config) (*DB, error) {
	dsn := cfg.DSN.Clone()
	dsn.InterpolateParams = true // one round trip for each statement
	dsn.RejectReadOnly = true    // after a fail-over, connect to the new primary
	dsn.MultiStatements = false
	dsn.ParseTime = false
	dsn.Loc = time.UTC
	dsn.Logger = &mysql.NopLogger{} // errors are returned; do not log them twice
	dsn.Timeout = orDefault(dsn.Timeout, 3*time.Second)
	dsn.ReadTimeout = orDefault(dsn.ReadTimeout, 5*time.Second)
	dsn.WriteTimeout = orDefault(dsn.WriteTimeout, 5*time.Second)
	inner, err := mysql.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("wpdb: %w", err)
	}
	db := sql.OpenDB(connector{inner})
	connections := cfg.MaxConnections
	if connections == 0 {
		connections = 32
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(10 * time.Second) // before the server's wait_timeout
	db.SetConnMaxLifetime(10 * time.Minute)
	return &DB{sqlx.NewDb(db, "mysql"), cfg}, nil
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// connector prepares each new connection. Session variables in the DSN would not
// do: MySQL and MariaDB have different names for the isolation level.
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
		// The connection broke during the handshake: the driver returns no typed
		// error for that.
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
	return strings.NewReplacer("{users}", quoteTable(db.Config.UsersTable), "{usermeta}", quoteTable(db.Config.UsermetaTable)).Replace(statement)
}

// quoteTable quotes a table name, which may be `database.table`, as
// CUSTOM_USER_TABLE allows.
func quoteTable(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		parts[i] = "`" + strings.ReplaceAll(part, "`", "``") + "`"
	}
	return strings.Join(parts, ".")
}
