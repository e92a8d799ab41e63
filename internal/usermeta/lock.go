package usermeta

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
)

// lockViewer takes the named lock of a viewer on this connection. The lock
// lives as long as the connection, so a connection that cannot release it is
// thrown away.
func (s *Store) lockViewer(ctx context.Context, conn *sqlx.Conn, user webinar.UserID) (unlock func(), err error) {
	name := s.cfg.lockName(strconv.FormatUint(uint64(user), 10))
	var got sql.NullInt64
	if err := conn.GetContext(ctx, &got, "SELECT GET_LOCK(?, ?)", name, lockSeconds); err != nil {
		return nil, err
	}
	if got.Int64 != 1 {
		return nil, fmt.Errorf("%w: viewer's lock not granted", ErrUnavailable)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		var released sql.NullInt64
		if err := conn.GetContext(ctx, &released, "SELECT RELEASE_LOCK(?)", name); err != nil {
			discard(conn)
		}
	}, nil
}

// discard closes the connection for good instead of giving it back to the pool.
func discard(conn *sqlx.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
