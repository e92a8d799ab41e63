package servicetest

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// WordPressWriter writes to the tables as WordPress does when users log in and save
// their profiles, and when plugins store their keys: with the statements, the isolation
// level (REPEATABLE READ) and the autocommit of wpdb. It measures the duration of each
// write. It waits for a lock for at most five seconds, whereas WordPress waits for 50.
type WordPressWriter struct {
	DB       *sql.DB  // used by this writer only; any account that may write
	Usermeta string   // the name of the table
	Users    []uint64 // whose rows it writes
}

// WordPressKeys returns the meta keys of which every user should have a row.
func WordPressKeys() []string {
	return []string{"nickname", "first_name", "last_name", "description", "community_points", "last_visited_course"}
}

// Run writes from several connections until ctx ends, with a pause after every write.
// It returns the times of the writes in ascending order, and the first error of each
// connection: WordPress would have lost that write.
func (w WordPressWriter) Run(ctx context.Context, connections int, pause time.Duration) ([]time.Duration, []error) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		took []time.Duration
		errs []error
	)
	for i := range connections {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			times, err := w.write(ctx, random, pause)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, times...)
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	return took, errs
}

func (w WordPressWriter) write(ctx context.Context, random *rand.Rand, pause time.Duration) ([]time.Duration, error) {
	// Like WordPress, this does not cancel a write.
	conn, err := w.DB.Conn(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	for _, set := range []string{"TRANSACTION ISOLATION LEVEL REPEATABLE READ", "innodb_lock_wait_timeout = 5"} {
		if _, err := conn.ExecContext(ctx, "SET SESSION "+set); err != nil {
			return nil, err
		}
	}
	var took []time.Duration
	for round := 0; ctx.Err() == nil; round++ {
		user := w.Users[random.IntN(len(w.Users))]
		for _, statement := range w.statements(user, round) {
			begun := time.Now()
			if _, err := conn.ExecContext(context.WithoutCancel(ctx), statement); err != nil {
				return took, fmt.Errorf("after %s: %s: %w", time.Since(begun), statement, err)
			}
			took = append(took, time.Since(begun))
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return took, nil
}

// statements returns the write statements of one request of WordPress for a
// user.
func (w WordPressWriter) statements(user uint64, round int) []string {
	update := func(key, value string) string {
		return fmt.Sprintf("UPDATE `%s` SET `meta_value` = '%s-%d' WHERE `user_id` = %d AND `meta_key` = '%s'", w.Usermeta, value, round, user, key)
	}
	insert := func(key string) string {
		return fmt.Sprintf("INSERT INTO `%s` (`user_id`, `meta_key`, `meta_value`) VALUES (%d, '%s', '%d')", w.Usermeta, user, key, round)
	}
	switch round % 4 {
	case 0: // update_user_meta
		return []string{update("community_points", "points")}
	case 1: // add_user_meta
		return []string{insert("last_visited_course")}
	case 2: // delete_user_meta
		return []string{fmt.Sprintf("DELETE FROM `%s` WHERE `user_id` = %d AND `meta_key` = 'last_visited_course'", w.Usermeta, user)}
	default: // edit_user writes several keys
		return []string{update("nickname", "nick"), update("first_name", "first"), update("last_name", "last"), update("description", "about")}
	}
}
