package mariadbtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

func TestChecksumCoversForeignChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"row of wp_users":         `UPDATE wp_users SET user_pass = 'x'`,
		"row of wp_options":       `UPDATE wp_options SET option_value = 'x' WHERE option_name = 'home'`,
		"new row of wp_options":   `INSERT INTO wp_options (option_name, option_value) VALUES ('x', 'x')`,
		"another meta key":        `UPDATE wp_usermeta SET meta_value = 'x' WHERE meta_key = 'nickname'`,
		"deleted meta row":        `DELETE FROM wp_usermeta WHERE meta_key = 'nickname'`,
		"meta row without a key":  `INSERT INTO wp_usermeta (user_id, meta_value) VALUES (7, 'x')`,
		"prefix in another case":  `INSERT INTO wp_usermeta (user_id, meta_key) VALUES (7, 'AutoWebinar_x')`,
		"prefix with a wildcard":  `INSERT INTO wp_usermeta (user_id, meta_key) VALUES (7, 'autowebinarx')`,
		"NULL instead of empty":   `UPDATE wp_usermeta SET meta_value = NULL WHERE meta_key = 'empty'`,
		"new table":               `CREATE TABLE wp_more (id int)`,
		"new index":               `CREATE INDEX more ON wp_usermeta (user_id, umeta_id)`,
		"new column":              `ALTER TABLE wp_usermeta ADD COLUMN more int`,
		"new view":                `CREATE VIEW wp_more AS SELECT ID FROM wp_users`,
		"dropped table":           `DROP TABLE wp_options`,
		"collation of a table":    `ALTER TABLE wp_usermeta CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
		"collation of a database": `ALTER DATABASE COLLATE utf8mb4_bin`,
		"new trigger":             `CREATE TRIGGER more BEFORE DELETE ON wp_options FOR EACH ROW SET @x = 1`,
		"new routine":             `CREATE PROCEDURE more() SELECT 1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := seeded(t)
			before := db.Checksum(t)
			assert.Equal(t, before, db.Checksum(t), "without a change")

			_, err := db.SQL.ExecContext(t.Context(), change)
			require.NoError(t, err)
			assert.NotEqual(t, before, db.Checksum(t))
		})
	}
}

func TestChecksumIgnoresOwnRows(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	before := db.Checksum(t)
	for _, change := range []string{
		`INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (7, 'autowebinar_x', '1'), (7, 'autowebinar_x', '2')`,
		`UPDATE wp_usermeta SET meta_value = 'x' WHERE meta_key = 'autowebinar_session_id'`,
		`UPDATE wp_usermeta SET meta_key = 'autowebinar_session_id@b' WHERE meta_key = 'autowebinar_session_id'`,
		`DELETE FROM wp_usermeta WHERE meta_key = 'autowebinar_x'`,
	} {
		_, err := db.SQL.ExecContext(t.Context(), change)
		require.NoError(t, err)
		assert.Equal(t, before, db.Checksum(t), change)
	}
}

func seeded(t *testing.T) *mariadbtest.DB {
	t.Helper()
	db := mariadbtest.New(t)
	db.AddUser(t, 7, "anna", "$P$hash")
	db.SetMeta(t, 7, "nickname", "Anna")
	db.SetMeta(t, 7, "empty", "")
	db.SetMeta(t, 7, "autowebinar_session_id", "s")
	return db
}
