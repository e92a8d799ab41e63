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

var errNotGranted = fmt.Errorf("%w: a viewer's lock was not granted", ErrUnavailable)

// lockViewers takes the named locks of viewers, who must be in ascending order,
// on this connection and in one round trip. The locks live as long as the
// connection, so one that cannot release them is thrown away.
func (s *Store) lockViewers(ctx context.Context, conn *sqlx.Conn, viewers []webinar.UserID, nowait bool) (unlock func(), err error) {
	names := make([]any, len(viewers))
	var take []any
	seconds := lockSeconds
	if nowait {
		seconds = 0
	}
	for i, user := range viewers {
		names[i] = s.cfg.lockName(strconv.FormatUint(uint64(user), 10))
		take = append(take, names[i], seconds)
	}
	unlock = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if _, err := conn.ExecContext(ctx, "DO "+list("RELEASE_LOCK(?)", len(names)), names...); err != nil {
			discard(conn)
		}
	}
	got := make([]sql.NullInt64, len(names))
	into := make([]any, len(got))
	for i := range got {
		into[i] = &got[i]
	}
	if err := conn.QueryRowxContext(ctx, "SELECT "+list("GET_LOCK(?, ?)", len(names)), take...).Scan(into...); err != nil {
		discard(conn) // some of them may be held
		return nil, err
	}
	for _, g := range got {
		if g.Int64 != 1 {
			unlock()
			return nil, errNotGranted
		}
	}
	return unlock, nil
}

func list(item string, n int) string {
	return strings.Repeat(", "+item, n)[2:]
}

// discard closes the connection for good instead of giving it back to the pool.
func discard(conn *sqlx.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
