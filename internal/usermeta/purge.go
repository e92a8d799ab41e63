package usermeta

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
)

// PurgeBatch is how many users one call of Purge should be given: so many are
// one short transaction.
const PurgeBatch = 20

// Purge deletes every row of the namespace that the given users have, their
// waiting events among them, and says how many rows. With goneOnly it spares the
// users whom WordPress has.
//
// It is safe beside a running service, because it goes about a viewer as every
// change does: under their named lock and the locks of all their rows. Whoever
// watches meanwhile has no session any more; their player's next report is
// refused and it enters anew.
func (s *Store) Purge(ctx context.Context, users []webinar.UserID, goneOnly bool) (int, error) {
	users = slices.Compact(slices.Sorted(slices.Values(users)))
	for attempt := 1; ; attempt++ {
		n, err := s.purge(ctx, users, goneOnly)
		if err == nil {
			return n, nil
		}
		if !isRetryable(err) && !errors.Is(err, ErrUnavailable) || attempt == changeAttempts || ctx.Err() != nil {
			return 0, wrapUnavailable(err)
		}
		time.Sleep(time.Duration(attempt) * 20 * time.Millisecond)
	}
}

func (s *Store) purge(ctx context.Context, users []webinar.UserID, goneOnly bool) (int, error) {
	if len(users) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout+lockSeconds*time.Second)
	defer cancel()
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	groups := make([]changeGroup, len(users))
	for i, user := range users {
		groups[i].user = user
	}
	_, _, unlock, err := s.lockViewers(ctx, conn, groups, false)
	if err != nil {
		return 0, err
	}
	defer unlock()
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	rows, err := readRows(ctx, tx, s.sql.lock, users)
	if err != nil {
		return 0, err
	}
	var ids []uint64
	for _, r := range rows {
		if strings.HasPrefix(r.Key, namespace) && (!goneOnly || !r.userExists) {
			ids = append(ids, r.ID)
		}
	}
	for page := range slices.Chunk(ids, 1000) {
		query, args, err := sqlx.In(s.sql.remove, page)
		if err != nil {
			return 0, err
		}
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return 0, err
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("the outcome is unknown, repeat it: %w", err)
	}
	return len(ids), nil
}
