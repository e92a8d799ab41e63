package usermeta

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// PurgeBatch is how many users to pass to one call of Purge, which is one short
// transaction.
const PurgeBatch = 20

const purgeAttempts = 5

// Purge deletes all rows of the namespace of the given users, their undelivered
// events included, and returns how many. With deletedUsersOnly it skips users
// who exist in WordPress.
//
// It takes the same locks as Change and is safe while replicas run. A viewer who
// is watching loses the session: the player's next report is rejected, and the
// player enters again.
func (s *Store) Purge(ctx context.Context, users []webinar.UserID, deletedUsersOnly bool) (int, error) {
	users = slices.Compact(slices.Sorted(slices.Values(users)))
	for attempt := 1; ; attempt++ {
		n, err := s.purge(ctx, users, deletedUsersOnly)
		if err == nil {
			return n, nil
		}
		if wpdb.RetryReason(err) == "" && !errors.Is(err, wpdb.ErrUnavailable) || attempt == purgeAttempts || ctx.Err() != nil {
			return 0, wpdb.WrapUnavailable(err)
		}
		time.Sleep(time.Duration(attempt) * 20 * time.Millisecond)
	}
}

func (s *Store) purge(ctx context.Context, users []webinar.UserID, deletedUsersOnly bool) (int, error) {
	if len(users) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout+namedLockSeconds*time.Second)
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
	rows, err := readRows(ctx, tx, s.sql.lockRows, users)
	if err != nil {
		return 0, err
	}
	var ids []uint64
	for _, r := range rows {
		if strings.HasPrefix(r.Key, namespace) && (!deletedUsersOnly || !r.userExists) {
			ids = append(ids, r.ID)
		}
	}
	for page := range slices.Chunk(ids, 1000) {
		if err := s.write(ctx, tx, writeSet{deletes: page}); err != nil {
			return 0, err
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("the outcome is unknown, repeat the command: %w", err)
	}
	return len(ids), nil
}
