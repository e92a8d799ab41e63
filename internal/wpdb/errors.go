package wpdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ErrUnavailable means that the database cannot process a change at present.
// Nothing was stored, or the outcome is unknown and a repeat is safe.
var ErrUnavailable = errors.New("database unavailable")

// serverState contains the numbers of errors that concern the state of the
// server and not the statement.
var serverState = []uint16{
	1021, 1030, 1114, // disk or table full, engine error
	1037, 1038, 1041, 1206, // out of memory or of another resource
	1040, 1203, 1226, // too many connections, limit of the user
	1042, 1043, 1129, 1130, // host not known or not allowed
	1044, 1045, 1142, 1698, 1862, 3118, 4151, // access denied: grants, expired password, locked account
	1047, 1180, 3100, 3101, // not ready in a cluster, error during commit
	1049, 1146, 1194, 1412, 1932, // database or table missing, crashed or changed, as during a restore
	1053, 1290, 1792, 1836, 3032, // shutdown, read-only, offline
	1156, 1158, 1159, 1160, 1161, 1184, 1927, 4031, // network, connection closed by the server
	1317, 1969, 3024, // interrupted, time limit of statements
	2003, 2006, 2013, 9001, // a proxy cannot reach the server or has lost the connection to it
}

// IsServerState reports whether the number of an error concerns the state of the
// server and not the statement.
func IsServerState(number uint16) bool { return slices.Contains(serverState, number) }

// RetryReason returns why a transaction may succeed if it is repeated at once:
// "deadlock", "lock_wait" or "connection". It returns "" if a repeat would not
// help. A transaction whose connection was lost can be repeated even if it was
// committed, because it starts by reading the rows.
func RetryReason(err error) string {
	var sqlErr *mysql.MySQLError
	if !errors.As(err, &sqlErr) {
		if IsLostConnection(err) {
			return "connection"
		}
		return ""
	}
	switch sqlErr.Number {
	case 1205, 3572: // with NOWAIT, MySQL returns 3572 and MariaDB 1205
		return "lock_wait"
	case 1213, 1614, 1020, 3058: // 1020: innodb_snapshot_isolation; 3058: named locks
		return "deadlock"
	case 2006, 2013: // sent by proxies that have lost the connection to the server
		return "connection"
	}
	return ""
}

// IsLocked reports whether a statement failed because another transaction has
// locked its rows.
func IsLocked(err error) bool { return RetryReason(err) == "lock_wait" }

// maxTries bounds how often Retry runs a transaction.
const maxTries = 5

// Retry runs a transaction and repeats it while it fails for a temporary
// reason. It calls retried with the error before each repetition.
func Retry(ctx context.Context, retried func(error), run func() error) error {
	for attempt := 1; ; attempt++ {
		err := run()
		if RetryReason(err) == "" || attempt == maxTries {
			return WrapUnavailable(err)
		}
		retried(err)
		select {
		case <-ctx.Done():
			return WrapUnavailable(err)
		case <-time.After(time.Duration(attempt)*5*time.Millisecond + rand.N(10*time.Millisecond)):
		}
	}
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
	unavailable := RetryReason(err) != "" || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, sql.ErrTxDone) || // the time-out ended the transaction before Commit did
		errors.As(err, &sqlErr) && IsServerState(sqlErr.Number)
	if unavailable {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
