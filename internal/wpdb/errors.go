package wpdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/go-sql-driver/mysql"
)

// ErrUnavailable says that the database cannot take a change now: nothing of it
// was stored, or the outcome is unknown and a repeat is safe.
var ErrUnavailable = errors.New("database unavailable")

// The numbers of temporary errors. Errors are recognised by number, never by text.
const (
	errLockWait     = 1205
	errLockNowait   = 3572 // MySQL's answer to NOWAIT; MariaDB's is errLockWait
	errDeadlock     = 1213
	errCheckRead    = 1020 // MariaDB, innodb_snapshot_isolation
	errLockDeadlock = 1614

	errUserLockDeadlock = 3058 // MySQL: deadlock of named locks

	errGone, errLost = 2006, 2013 // sent by proxies that lost the server
)

// unavailableNumbers are the errors that concern the state of the server and not
// the statement.
var unavailableNumbers = map[uint16]bool{
	1021: true, // disk full
	1030: true, // engine error, disk full among them
	1037: true, // out of memory
	1038: true, // out of sort memory
	1040: true, // too many connections
	1041: true, // out of resources
	1042: true, // bad host
	1043: true, // bad handshake
	1044: true, // access denied to the database
	1045: true, // access denied
	1047: true, // Galera: node not ready
	1049: true, // unknown database: being restored
	1053: true, // shutdown in progress
	1114: true, // table full
	1129: true, // host blocked
	1130: true, // host not allowed
	1142: true, // command denied: grants are missing
	1146: true, // no such table: being restored
	1156: true, // packets out of order
	1158: true, // network
	1159: true, // network
	1160: true, // network
	1161: true, // network
	1180: true, // error during commit
	1184: true, // connection aborted
	1194: true, // table crashed
	1203: true, // too many connections of the user
	1206: true, // lock table full
	1226: true, // resource limit of the user
	1290: true, // read-only
	1317: true, // query interrupted
	1412: true, // table definition changed
	1698: true, // access denied
	1792: true, // read-only transaction
	1836: true, // read-only mode
	1862: true, // password expired
	1927: true, // MariaDB: connection killed
	1932: true, // table lost in the engine
	1969: true, // MariaDB: max_statement_time
	2003: true, // a proxy cannot reach the server
	2006: true, // a proxy lost the server
	2013: true, // a proxy lost the server
	3024: true, // MySQL: max_execution_time
	3032: true, // offline mode
	3100: true, // group replication: plugin error at commit
	3101: true, // group replication: rolled back
	3118: true, // account locked
	4031: true, // MySQL: disconnected for inactivity
	4151: true, // MariaDB: account locked
	9001: true, // ProxySQL: no server in time
}

// IsRetryable reports whether a transaction may succeed if it is repeated at
// once. A lost connection counts: every transaction is safe to repeat whether or
// not it was committed, because it starts from the rows.
func IsRetryable(err error) bool {
	var sqlErr *mysql.MySQLError
	if errors.As(err, &sqlErr) {
		switch sqlErr.Number {
		case errDeadlock, errLockWait, errLockNowait, errCheckRead, errLockDeadlock, errUserLockDeadlock, errGone, errLost:
			return true
		}
		return false
	}
	return IsLostConnection(err)
}

// IsLostConnection reports whether the connection broke.
func IsLostConnection(err error) bool {
	var netErr net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, mysql.ErrMalformPkt) ||
		errors.Is(err, mysql.ErrPktSync) || errors.As(err, &netErr)
}

// WrapUnavailable wraps temporary errors, and only those, in ErrUnavailable.
func WrapUnavailable(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	var sqlErr *mysql.MySQLError
	unavailable := IsRetryable(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, sql.ErrTxDone) || // the time-out ended the transaction before Commit did
		errors.As(err, &sqlErr) && unavailableNumbers[sqlErr.Number]
	if unavailable {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// RetryReason classifies an error for which IsRetryable is true: "deadlock",
// "lock_wait" or "connection".
func RetryReason(err error) string {
	var sqlErr *mysql.MySQLError
	if !errors.As(err, &sqlErr) {
		return "connection"
	}
	switch sqlErr.Number {
	case errDeadlock, errLockDeadlock, errUserLockDeadlock, errCheckRead:
		return "deadlock"
	case errLockWait, errLockNowait:
		return "lock_wait"
	}
	return "connection"
}

// IsLocked reports whether a lock is held by another transaction.
func IsLocked(err error) bool {
	var sqlErr *mysql.MySQLError
	return errors.As(err, &sqlErr) && (sqlErr.Number == errLockWait || sqlErr.Number == errLockNowait)
}

// IsServerState reports whether the number of an error concerns the state of the
// server and not the statement.
func IsServerState(number uint16) bool { return unavailableNumbers[number] }
