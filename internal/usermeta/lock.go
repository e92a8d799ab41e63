package usermeta

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
)

// lockSeconds is the wait for a viewer's named lock. Who has it holds it for
// one commit.
const lockSeconds = 2

// lockViewers takes the named locks of viewers, who must be in ascending order,
// on this connection and in one round trip, and tells who was granted and whose
// lock somebody else holds. The locks live as long as the connection, so one
// that cannot release them is thrown away.
func (s *Store) lockViewers(ctx context.Context, conn *sqlx.Conn, groups []changeGroup, nowait bool) (granted, held []changeGroup, unlock func(), err error) {
	seconds := lockSeconds
	if nowait {
		seconds = 0
	}
	var take []any
	for _, g := range groups {
		take = append(take, s.viewerLock(g.user), seconds)
	}
	got := make([]sql.NullInt64, len(groups))
	into := make([]any, len(got))
	for i := range got {
		into[i] = &got[i]
	}
	if err := conn.QueryRowxContext(ctx, "SELECT "+repeatList("GET_LOCK(?, ?)", len(groups)), take...).Scan(into...); err != nil {
		closeConn(conn) // some of them may be held
		return nil, nil, nil, err
	}
	var names []any
	for i, g := range groups {
		if got[i].Int64 == 1 {
			granted, names = append(granted, g), append(names, s.viewerLock(g.user))
		} else {
			held = append(held, g)
		}
	}
	if len(held) > 0 && !nowait {
		err = fmt.Errorf("%w: a viewer's lock was not granted", ErrUnavailable)
	}
	unlock = func() { release(ctx, conn, names) }
	if err != nil {
		unlock()
	}
	return granted, held, unlock, err
}

func (s *Store) viewerLock(user webinar.UserID) string {
	return s.cfg.lockName(strconv.FormatUint(uint64(user), 10))
}

func release(ctx context.Context, conn *sqlx.Conn, names []any) {
	if len(names) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "DO "+repeatList("RELEASE_LOCK(?)", len(names)), names...); err != nil {
		closeConn(conn)
	}
}

func repeatList(item string, n int) string {
	return strings.Repeat(", "+item, n)[2:]
}

// discard closes the connection for good instead of giving it back to the pool.
func closeConn(conn *sqlx.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
