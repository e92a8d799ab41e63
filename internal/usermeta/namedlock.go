package usermeta

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// namedLockSeconds bounds the wait for a viewer's named lock. Its owner releases
// it after one commit.
const namedLockSeconds = 2

// lockViewers takes the named locks of viewers, given in ascending order, on one
// connection and in one round trip. The locks live as long as the connection, so
// a connection that cannot release them is closed. Without noWait, a lock that is
// not granted is an error.
func (s *Store) lockViewers(
	ctx context.Context, conn *sqlx.Conn, groups []changeGroup, noWait bool,
) (granted, blocked []changeGroup, unlock func(), err error) {
	seconds := namedLockSeconds
	if noWait {
		seconds = 0
	}
	var args []any
	for _, g := range groups {
		args = append(args, s.viewerLock(g.user), seconds)
	}
	results := make([]sql.NullInt64, len(groups))
	into := make([]any, len(results))
	for i := range results {
		into[i] = &results[i]
	}
	if err := conn.QueryRowxContext(ctx, "SELECT "+wpdb.RepeatList("GET_LOCK(?, ?)", len(groups)), args...).Scan(into...); err != nil {
		wpdb.CloseConn(conn) // some of the locks may have been granted
		return nil, nil, nil, err
	}
	var names []any
	for i, g := range groups {
		if results[i].Int64 == 1 {
			granted, names = append(granted, g), append(names, s.viewerLock(g.user))
		} else {
			blocked = append(blocked, g)
		}
	}
	unlock = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if len(names) == 0 {
			return
		}
		if _, err := conn.ExecContext(ctx, "DO "+wpdb.RepeatList("RELEASE_LOCK(?)", len(names)), names...); err != nil {
			wpdb.CloseConn(conn)
		}
	}
	if len(blocked) > 0 && !noWait {
		unlock()
		return nil, nil, nil, fmt.Errorf("%w: a viewer's lock was not granted", wpdb.ErrUnavailable)
	}
	return granted, blocked, unlock, nil
}

func (s *Store) viewerLock(user webinar.UserID) string {
	return s.db.LockName(strconv.FormatUint(uint64(user), 10))
}
