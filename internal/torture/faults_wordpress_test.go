package torture

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
)

// wordpressFaults are writes of WordPress and locks of an administrator on rows of the
// same viewers. Whether writes of WordPress are lost is not checked here.
func wordpressFaults() []fault {
	return []fault{
		{name: "an administrator locks rows", inject: lockRows},
		{name: "an administrator locks the table", inject: lockTable},
		{name: "WordPress updates users crosswise", inject: updateUsersCrosswise},
		{name: "WordPress saves profiles", inject: func(ctx context.Context, r *rig) bool { return runWordPressWriters(ctx, r, saveProfile) }},
		{name: "WordPress deletes and inserts", inject: func(ctx context.Context, r *rig) bool { return runWordPressWriters(ctx, r, deleteAndInsert) }},
	}
}

// viewers returns the number of viewers. Their ids begin at 1.
func (r *rig) viewers(ctx context.Context) (n int) {
	r.checkAdminError(r.db.GetContext(ctx, &n, "SELECT COUNT(*) FROM wp_users"))
	return max(n, 1)
}

// lockRows locks the rows of some viewers for longer than the service waits.
func lockRows(ctx context.Context, r *rig) bool {
	cleanup, cancel := cleanupContext(ctx)
	defer cancel()
	tx, err := r.db.BeginTxx(cleanup, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if r.checkAdminError(err); err != nil {
		return false
	}
	defer tx.Rollback()
	first := 1 + r.random(r.viewers(cleanup))
	var ids []int64
	err = tx.SelectContext(cleanup, &ids, "SELECT umeta_id FROM wp_usermeta FORCE INDEX (user_id) WHERE user_id BETWEEN ? AND ? FOR UPDATE", first, first+3)
	r.checkAdminError(err)
	r.pause(ctx, 500*time.Millisecond, 2500*time.Millisecond)
	return len(ids) > 0 && r.hasLockWaiters()
}

// hasLockWaiters reports whether changes of a replica wait for locks of another writer.
func (r *rig) hasLockWaiters() bool {
	return slices.ContainsFunc(r.replicas, func(rep *replica) bool { return rep.metric("autowebinar_lock_waiters") > 0 })
}

// lockTable locks the table as a backup without a snapshot or ALTER TABLE does.
func lockTable(ctx context.Context, r *rig) bool {
	cleanup, cancel := cleanupContext(ctx)
	defer cancel()
	conn, err := r.db.Connx(cleanup)
	if r.checkAdminError(err); err != nil {
		return false
	}
	defer conn.Close()
	_, err = conn.ExecContext(cleanup, "LOCK TABLES wp_usermeta READ")
	r.checkAdminError(err)
	locked := err == nil
	r.pause(ctx, 500*time.Millisecond, 2500*time.Millisecond)
	_, err = conn.ExecContext(cleanup, "UNLOCK TABLES")
	r.checkAdminError(err)
	return locked
}

// runWordPressWriters lets four writers write for a while, each on a connection with the
// server's default isolation level, which WordPress uses too.
func runWordPressWriters(ctx context.Context, r *rig, do func(ctx context.Context, r *rig, conn *sqlx.Conn, user int) error) bool {
	r.otherWriters.Store(true)
	cleanup, cancel := cleanupContext(ctx)
	defer cancel()
	viewers := r.viewers(cleanup)
	busy, done := context.WithTimeout(ctx, time.Second+time.Duration(r.random(1000))*time.Millisecond)
	defer done()
	var wg sync.WaitGroup
	var wrote atomic.Bool
	for range 4 {
		wg.Go(func() {
			conn, err := r.db.Connx(cleanup)
			if r.checkAdminError(err); err != nil {
				return
			}
			defer conn.Close()
			for busy.Err() == nil {
				if err := do(cleanup, r, conn, 1+r.random(viewers)); err != nil {
					r.checkAdminError(err)
					r.pause(busy, 0, 10*time.Millisecond)
					continue
				}
				wrote.Store(true)
			}
		})
	}
	wg.Wait()
	return wrote.Load()
}

// updateUsersCrosswise makes WordPress and the service wait for locks of each other.
func updateUsersCrosswise(ctx context.Context, r *rig) bool {
	watching, stop := context.WithCancel(ctx)
	blocked := make(chan bool)
	go func() { blocked <- r.waitUntil(watching, r.hasLockWaiters) }()
	wrote := runWordPressWriters(ctx, r, updateTwoUsers)
	stop()
	return <-blocked && wrote
}

// updateTwoUsers updates two viewers in one transaction, the one with the higher id
// first, whereas the service locks viewers in ascending order. The index is the one that
// a server chooses if there are many users; the server locks all rows that it reads in
// it.
func updateTwoUsers(ctx context.Context, r *rig, conn *sqlx.Conn, user int) error {
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, user := range []int{user + 1 + r.random(3), user} {
		if _, err := tx.ExecContext(ctx, "UPDATE wp_usermeta FORCE INDEX (user_id) SET meta_value = ? WHERE user_id = ? AND meta_key = 'wp_seen'", fmt.Sprint(time.Now().UnixNano()), user); err != nil {
			return err
		}
		r.pause(ctx, 0, 5*time.Millisecond)
	}
	return tx.Commit()
}

// saveProfile writes some meta keys and a row of wp_users, as the user editor does.
func saveProfile(ctx context.Context, r *rig, conn *sqlx.Conn, user int) error {
	for _, key := range []string{"nickname", "first_name", "last_name", "description", "locale"} {
		var ids []int64
		if err := conn.SelectContext(ctx, &ids, "SELECT umeta_id FROM wp_usermeta WHERE meta_key = ? AND user_id = ?", key, user); err != nil {
			return err
		}
		statement := "UPDATE wp_usermeta SET meta_value = ? WHERE user_id = ? AND meta_key = ?"
		if len(ids) == 0 {
			statement = "INSERT INTO wp_usermeta (meta_value, user_id, meta_key) VALUES (?, ?, ?)"
		}
		if _, err := conn.ExecContext(ctx, statement, fmt.Sprint(time.Now().UnixNano()), user, key); err != nil {
			return err
		}
	}
	_, err := conn.ExecContext(ctx, "UPDATE wp_users SET display_name = ? WHERE ID = ?", fmt.Sprint("viewer ", r.random(100)), user)
	return err
}

// deleteAndInsert replaces rows of other keys in one transaction, as a plugin that
// stores a list does.
func deleteAndInsert(ctx context.Context, r *rig, conn *sqlx.Conn, user int) error {
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "DELETE FROM wp_usermeta WHERE user_id = ? AND meta_key IN ('autoloaded_tags', 'wp_tags', 'zz_tags')", user); err != nil {
		return err
	}
	for _, key := range []string{"autoloaded_tags", "wp_tags", "zz_tags"} { // before and after the service's keys in the index
		if _, err := tx.ExecContext(ctx, "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (?, ?, ?)", user, key, "a"); err != nil {
			return err
		}
	}
	return tx.Commit()
}
