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

// Neighbour is WordPress at work in the same tables: it logs users in, saves
// their profiles and notes other plugins' keys, with the statements, the
// isolation level (REPEATABLE READ) and the autocommit of wpdb. It measures how
// long each of its writes takes, and does not wait for a lock for longer than five
// seconds: WordPress would wait for 50.
type WordPressWriter struct {
	DB       *sql.DB  // a pool of its own; any account that may write
	Usermeta string   // the table
	Users    []uint64 // whose rows it writes
}

// NeighbourKeys are what every user of the site should have a row of.
func WordPressKeys() []string {
	return []string{"nickname", "first_name", "last_name", "description", "community_points", "last_visited_course"}
}

// Work writes from so many connections until the context ends, each pausing for
// a while after every write. It returns how long the writes took, in ascending
// order, and the first error of each connection: WordPress would have lost that
// write, and shown an error.
func (n WordPressWriter) Run(ctx context.Context, connections int, pause time.Duration) ([]time.Duration, []error) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		took  []time.Duration
		fails []error
	)
	for i := range connections {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			own, err := n.write(ctx, random, pause)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
			if err != nil {
				fails = append(fails, err)
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	return took, fails
}

func (n WordPressWriter) write(ctx context.Context, random *rand.Rand, pause time.Duration) ([]time.Duration, error) {
	// A write under way is never cut off: WordPress would not, either.
	conn, err := n.DB.Conn(context.WithoutCancel(ctx))
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
		user := n.Users[random.IntN(len(n.Users))]
		for _, statement := range n.statements(user, round) {
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

// visit is what one request of WordPress writes of a user.
func (n WordPressWriter) statements(user uint64, round int) []string {
	update := func(key, value string) string {
		return fmt.Sprintf("UPDATE `%s` SET `meta_value` = '%s-%d' WHERE `user_id` = %d AND `meta_key` = '%s'", n.Usermeta, value, round, user, key)
	}
	insert := func(key string) string {
		return fmt.Sprintf("INSERT INTO `%s` (`user_id`, `meta_key`, `meta_value`) VALUES (%d, '%s', '%d')", n.Usermeta, user, key, round)
	}
	switch round % 4 {
	case 0: // update_user_meta
		return []string{update("community_points", "points")}
	case 1: // add_user_meta
		return []string{insert("last_visited_course")}
	case 2: // delete_user_meta
		return []string{fmt.Sprintf("DELETE FROM `%s` WHERE `user_id` = %d AND `meta_key` = 'last_visited_course'", n.Usermeta, user)}
	default: // edit_user: a profile save writes key after key
		return []string{update("nickname", "nick"), update("first_name", "first"), update("last_name", "last"), update("description", "about")}
	}
}
