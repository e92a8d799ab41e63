package demo

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

func noProgress(string) {}

func TestPrivateMariaDB(t *testing.T) {
	t.Parallel()
	database, err := OpenDatabase(t.Context(), MariaDB, noProgress)
	require.NoError(t, err)
	assert.Contains(t, database.Name, "MariaDB")
	db, err := sql.Open("mysql", database.DSN)
	require.NoError(t, err)
	defer db.Close()
	_, err = Seed(t.Context(), db, time.Now())
	require.NoError(t, err)
	require.NoError(t, database.Close())
	assert.Error(t, db.PingContext(t.Context()), "closing stops the server")
}

func TestNamedDatabase(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	for _, drop := range []string{"DROP TABLE wp_users", "DROP TABLE wp_usermeta"} {
		db.SQL.MustExec(drop)
	}
	open := func() error {
		database, err := OpenDatabase(t.Context(), db.AdminDSN, noProgress)
		if err == nil {
			assert.Contains(t, database.Name, db.Name)
			assert.NotContains(t, database.Name, "@", "the name contains no credentials")
			require.NoError(t, database.Close())
		}
		return err
	}
	require.NoError(t, open(), "an empty database gets the tables")
	_, err := Seed(t.Context(), db.SQL.DB, time.Now())
	require.NoError(t, err)
	db.SQL.MustExec("INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, 'autowebinar_session_id', 's1')")

	require.NoError(t, open(), "the tables of an earlier demo are kept")
	var rows int
	require.NoError(t, db.SQL.Get(&rows, "SELECT COUNT(*) FROM wp_usermeta WHERE meta_key = 'autowebinar_session_id'"))
	assert.Equal(t, 1, rows)

	db.SQL.MustExec("INSERT INTO wp_users (user_login, user_email) VALUES ('carla', 'carla@example.com')")
	before := db.Checksum(t)
	assert.ErrorIs(t, open(), ErrForeignUsers)
	assert.Equal(t, before, db.Checksum(t), "the database of another site is unchanged")
}

func TestUnusableDatabase(t *testing.T) {
	t.Parallel()
	for _, choice := range []string{"", "sqlite", "tcp(127.0.0.1:3306)", "user@tcp(127.0.0.1:1)/"} {
		_, err := OpenDatabase(t.Context(), choice, noProgress)
		assert.ErrorIs(t, err, ErrNoDatabase, choice)
		assert.ErrorContains(t, err, "user:password@tcp(127.0.0.1:3306)/database", choice)
	}
	_, err := OpenDatabase(t.Context(), "user:secret@tcp(127.0.0.1:1)/wordpress", noProgress)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "secret")
}

// The schema equals that of the storage tests.
func TestSchemaMatchesWordPress(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	describe := func(table string) (text string) {
		var name string
		require.NoError(t, db.SQL.QueryRow("SHOW CREATE TABLE "+table).Scan(&name, &text))
		return text
	}
	users, usermeta := describe("wp_users"), describe("wp_usermeta")
	db.SQL.MustExec("DROP TABLE wp_users, wp_usermeta")
	for _, statement := range statements(schemaSQL) {
		db.SQL.MustExec(statement)
	}
	assert.Equal(t, users, describe("wp_users"))
	assert.Equal(t, usermeta, describe("wp_usermeta"))
}
