package usermeta

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// The settings every connection runs with. LIKE patterns and the clock depend
// on the mode and the time zone. The lock waits, of rows and of whole tables,
// bound how long a request hangs on another writer. The last one is for the
// others: a replica that vanishes without a word keeps its locks that long.
const (
	setIsolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
	setSession   = "SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 1, lock_wait_timeout = 2, wait_timeout = 15, " +
		"sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
)

// Config says which database, and which tables in it. Table names are trusted:
// they come from the operator and are checked by the configuration.
type Config struct {
	DSN            *mysql.Config
	UsersTable     string
	UsermetaTable  string
	MaxConnections int      // of the pool; default 32
	Observer       Observer // nil: nobody
}

// Open makes a pool with the settings that the store relies on. It does not
// connect: a database that is down at start is no error.
func Open(cfg Config) (*sqlx.DB, error) {
	dsn := cfg.DSN.Clone()
	dsn.InterpolateParams = true // one round trip a statement
	dsn.RejectReadOnly = true    // after a fail-over, look for the new primary
	dsn.MultiStatements = false
	dsn.ParseTime = false
	dsn.Loc = time.UTC
	dsn.Logger = &mysql.NopLogger{} // what it would say comes back as an error
	dsn.Timeout = orDefault(dsn.Timeout, 3*time.Second)
	dsn.ReadTimeout = orDefault(dsn.ReadTimeout, 5*time.Second)
	dsn.WriteTimeout = orDefault(dsn.WriteTimeout, 5*time.Second)
	inner, err := mysql.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("usermeta: %w", err)
	}
	db := sql.OpenDB(connector{inner})
	connections := cfg.MaxConnections
	if connections == 0 {
		connections = 32
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(10 * time.Second) // before the server ends it
	db.SetConnMaxLifetime(10 * time.Minute)
	return sqlx.NewDb(db, "mysql"), nil
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// connector prepares each new connection. Session variables in the DSN would
// not do: MySQL and MariaDB name the isolation level differently.
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
		// A connection that breaks during the handshake: the driver has no word
		// for it that can be told apart.
		return nil, fmt.Errorf("%w: %w", driver.ErrBadConn, err)
	}
	for _, statement := range []string{setIsolation, setSession} {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, statement, nil); err != nil {
			conn.Close()
			return nil, fmt.Errorf("usermeta: prepare connection: %w", err)
		}
	}
	return conn, nil
}

// lockName makes names for GET_LOCK that no other table's service shares: lock
// names are server-wide and at most 64 characters.
func (c Config) lockName(purpose string) string {
	sum := sha256.Sum256([]byte(c.DSN.DBName + "." + c.UsermetaTable))
	return "autowebinar:" + hex.EncodeToString(sum[:8]) + ":" + purpose
}
