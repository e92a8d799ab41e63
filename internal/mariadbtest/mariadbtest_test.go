package mariadbtest_test

import (
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

func TestMain(m *testing.M) { mariadbtest.Main(m) }

func TestUsersAndMeta(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	db.AddUser(t, 7, "anna", "$P$hash")
	db.SetMeta(t, 7, "nickname", "Anna")
	db.SetMeta(t, 7, "autowebinar_session_id", "first")
	db.SetMeta(t, 7, "autowebinar_session_id", "second")
	db.SetMeta(t, 8, "nickname", "another user")

	assert.Equal(t, map[string][]string{
		"nickname":               {"Anna"},
		"autowebinar_session_id": {"first", "second"},
	}, db.Meta(t, 7))
	assert.Empty(t, db.Meta(t, 9))
}

func TestAccountHasProductionGrants(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	db.AddUser(t, 7, "anna", "$P$hash")
	service := connect(t, db.DSN)

	for _, allowed := range []string{
		`SELECT * FROM wp_users`,
		`INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (7, 'autowebinar_x', '1')`,
		`UPDATE wp_usermeta SET meta_value = '2' WHERE meta_key = 'autowebinar_x'`,
		`SELECT * FROM wp_usermeta`,
		`DELETE FROM wp_usermeta WHERE meta_key = 'autowebinar_x'`,
	} {
		_, err := service.ExecContext(t.Context(), allowed)
		assert.NoError(t, err, allowed)
	}
	for _, rejected := range []string{
		`INSERT INTO wp_users (user_login) VALUES ('eve')`,
		`UPDATE wp_users SET user_pass = ''`,
		`DELETE FROM wp_users`,
		`SELECT * FROM wp_options`,
		`UPDATE wp_options SET option_value = ''`,
		`CREATE TABLE wp_more (id int)`,
		`ALTER TABLE wp_usermeta ADD COLUMN more int`,
		`DROP TABLE wp_usermeta`,
		`TRUNCATE TABLE wp_usermeta`,
		`CREATE INDEX more ON wp_usermeta (user_id)`,
		`SELECT * FROM mysql.user`,
	} {
		_, err := service.ExecContext(t.Context(), rejected)
		var sqlErr *mysql.MySQLError
		if assert.ErrorAs(t, err, &sqlErr, rejected) {
			assert.Contains(t, []uint16{1142, 1044}, sqlErr.Number, "%s: %v", rejected, err)
		}
	}
}

func TestDatabasesAreIsolated(t *testing.T) {
	t.Parallel()
	one, two := mariadbtest.New(t), mariadbtest.New(t)
	one.AddUser(t, 1, "anna", "")

	_, err := connect(t, two.DSN).ExecContext(t.Context(), "SELECT * FROM "+one.Name+".wp_users")
	assert.Error(t, err)
}

func TestDatabaseAndAccountAreDropped(t *testing.T) {
	t.Parallel()
	watcher := mariadbtest.New(t)
	var gone *mariadbtest.DB
	t.Run("its own database", func(t *testing.T) { gone = mariadbtest.New(t) })

	var left []string
	require.NoError(t, watcher.SQL.Select(&left, "SELECT schema_name FROM information_schema.schemata WHERE schema_name = ?", gone.Name))
	assert.Empty(t, left)
	require.NoError(t, watcher.SQL.Select(&left, "SELECT User FROM mysql.user WHERE User = ?", gone.Name))
	assert.Empty(t, left)
}

func connect(t *testing.T, dsn string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
