package main

import (
	"context"
	"database/sql"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// together runs the functions concurrently and waits for them.
func together(t *testing.T, all []func() error) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, len(all))
	for i, one := range all {
		wg.Go(func() { errs[i] = one() })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

// increment reads and updates a row in a transaction. Without the gate the engine
// loses most increments.
func increment(db *sql.DB, row int) error {
	ctx := context.Background()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var value string
	if err := tx.QueryRowContext(ctx, "SELECT meta_value FROM wp_usermeta WHERE umeta_id = ? FOR UPDATE", row).Scan(&value); err != nil {
		return err
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE wp_usermeta SET meta_value = ? WHERE umeta_id = ?", strconv.Itoa(n+1), row); err != nil {
		return err
	}
	return tx.Commit()
}

func TestNoCommittedWriteIsLost(t *testing.T) {
	const rows, workers, rounds = 4, 16, 5
	db := open(t)
	for row := range rows {
		exec(t, db, "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (?, 'n', '0')", row+1)
	}
	var all []func() error
	for worker := range workers {
		all = append(all, func() error {
			for range rounds {
				if err := increment(db, worker%rows+1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	together(t, all)
	for _, got := range query(t, db, "SELECT meta_value FROM wp_usermeta") {
		assert.Equal(t, strconv.Itoa(workers*rounds/rows), got[0])
	}
}

func TestAbandonedTransactionIsRolledBackAndOpensTheGate(t *testing.T) {
	db := open(t)
	c := conn(t, db)
	exec(t, c, "START TRANSACTION")
	exec(t, c, "INSERT INTO wp_usermeta (user_id, meta_key) VALUES (1, 'n')")
	require.NoError(t, c.Raw(func(driver any) error { return driver.(interface{ Close() error }).Close() }))
	assert.Empty(t, query(t, db, "SELECT 1 FROM wp_usermeta"))
}

func TestFailedStatementKeepsNoTableCopies(t *testing.T) {
	db := open(t)
	a, b := conn(t, db), conn(t, db)
	exec(t, a, "INSERT INTO wp_usermeta (umeta_id, user_id) VALUES (1, 1)")
	_, err := a.ExecContext(t.Context(), "INSERT INTO wp_usermeta (umeta_id, user_id) VALUES (1, 1)")
	require.Error(t, err)
	exec(t, b, "INSERT INTO wp_usermeta (umeta_id, user_id) VALUES (2, 2)")
	exec(t, a, "INSERT INTO wp_usermeta (umeta_id, user_id) VALUES (3, 3)")
	assert.Equal(t, [][]string{{"1"}, {"2"}, {"3"}}, query(t, b, "SELECT umeta_id FROM wp_usermeta ORDER BY 1"))
}

func TestNamedLockWaiterDoesNotBlockOthers(t *testing.T) {
	db := open(t)
	holder, waiter := conn(t, db), conn(t, db)
	assert.Equal(t, [][]string{{"1"}}, query(t, holder, "SELECT GET_LOCK('viewer', 0)"))
	assert.Equal(t, [][]string{{"0"}}, query(t, waiter, "SELECT GET_LOCK('viewer', 0)"))

	exec(t, holder, "START TRANSACTION")
	exec(t, holder, "INSERT INTO wp_usermeta (user_id, meta_key) VALUES (1, 'n')")
	got := make(chan [][]string, 1)
	go func() { got <- query(t, waiter, "SELECT GET_LOCK('viewer', 30)") }()
	exec(t, holder, "COMMIT")
	assert.Equal(t, [][]string{{"1"}}, query(t, holder, "SELECT IS_USED_LOCK('viewer') = CONNECTION_ID()"))
	exec(t, holder, "DO RELEASE_LOCK('viewer')")
	assert.Equal(t, [][]string{{"1"}}, <-got)
}

func TestNamedLockIsReleasedWithItsConnection(t *testing.T) {
	db := open(t)
	holder, waiter := conn(t, db), conn(t, db)
	query(t, holder, "SELECT GET_LOCK('leader', 0)")
	require.NoError(t, holder.Raw(func(driver any) error { return driver.(interface{ Close() error }).Close() }))
	assert.Equal(t, [][]string{{"1"}}, query(t, waiter, "SELECT GET_LOCK('leader', 30)"))
}

func TestUsesNoTable(t *testing.T) {
	for query, want := range map[string]bool{
		"SELECT GET_LOCK('a', 1)":                    true,
		" select RELEASE_LOCK('a')":                  true,
		"DO RELEASE_LOCK('a')":                       true,
		"SELECT IS_USED_LOCK('a') = CONNECTION_ID()": true,
		"SELECT 1": true,
		"SELECT (SELECT COUNT(*)\nFROM wp_usermeta)":     false,
		"SELECT GET_LOCK('a', (SELECT 1 from wp_users))": false,
		"SELECT 'from'":                    false,
		"SELECTED":                         false,
		"INSERT INTO wp_usermeta SELECT 1": false,
		"COMMIT":                           false,
	} {
		assert.Equal(t, want, usesNoTable(query), query)
	}
}
