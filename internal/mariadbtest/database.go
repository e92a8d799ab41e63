package mariadbtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
)

// DB is one test's database.
type DB struct {
	// SQL is a pool with all privileges, for arranging and looking.
	SQL *sqlx.DB

	// DSN is the go-sql-driver DSN of an account with the privileges of
	// production: SELECT on wp_users and SELECT, INSERT, UPDATE, DELETE on
	// wp_usermeta. It logs in with a password over TCP.
	DSN string

	// AdminDSN is the DSN of an account with all privileges.
	AdminDSN string

	// Name is the database's name.
	Name string
}

// New makes a database with empty wp_users and wp_usermeta and a wp_options of
// two rows, and drops it when the test ends. Without a server the test fails.
func New(t testing.TB) *DB {
	t.Helper()
	if err := shared.open(); err != nil {
		t.Fatalf("mariadbtest: this test needs a database server: %v", err)
	}
	name := fmt.Sprintf("%s%d", shared.prefix, shared.count.Add(1))
	account := fmt.Sprintf("'%s'@'%%'", name)
	password := rand.Text()
	t.Cleanup(func() { drop(t, name, account) })

	require.NoError(t, shared.exec(t.Context(),
		"CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci",
		"CREATE USER "+account+" IDENTIFIED BY '"+password+"'"))
	admin := shared.admin.Clone()
	admin.DBName = name
	require.NoError(t, createTables(t.Context(), admin))
	require.NoError(t, shared.exec(t.Context(),
		"GRANT SELECT ON "+name+".wp_users TO "+account,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON "+name+".wp_usermeta TO "+account))

	service := shared.public.Clone()
	service.User, service.Passwd, service.DBName = name, password, name

	pool, err := open(admin)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return &DB{SQL: sqlx.NewDb(pool, "mysql"), DSN: service.FormatDSN(), AdminDSN: admin.FormatDSN(), Name: name}
}

func drop(t testing.TB, name, account string) {
	// The test's own context is over by now.
	ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
	defer cancel()
	if err := shared.exec(ctx, "DROP DATABASE IF EXISTS "+name, "DROP USER IF EXISTS "+account); err != nil {
		t.Errorf("mariadbtest: clean up: %v", err)
	}
}

// createTables works in a session like WordPress's own, which drops the strict
// modes: they refuse the default of user_registered.
func createTables(ctx context.Context, admin *mysql.Config) error {
	cfg := admin.Clone()
	if cfg.Params == nil {
		cfg.Params = make(map[string]string)
	}
	cfg.Params["sql_mode"] = "''"
	db, err := open(cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, statement := range schema() {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", firstLine(statement), err)
		}
	}
	return nil
}

// AddUser inserts a row of wp_users. passHash is stored as it is.
func (d *DB) AddUser(t testing.TB, id uint64, login, passHash string) {
	t.Helper()
	_, err := d.SQL.ExecContext(t.Context(),
		`INSERT INTO wp_users (ID, user_login, user_pass, user_nicename, user_email, user_registered, display_name)
		VALUES (?, ?, ?, ?, ?, '2026-01-02 03:04:05', ?)`,
		id, login, passHash, login, login+"@example.test", login)
	require.NoError(t, err)
}

// SetMeta inserts a row of wp_usermeta, also where the key has one already.
func (d *DB) SetMeta(t testing.TB, user uint64, key, value string) {
	t.Helper()
	_, err := d.SQL.ExecContext(t.Context(),
		`INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (?, ?, ?)`, user, key, value)
	require.NoError(t, err)
}

// Meta returns all rows of a user: the values of each key in the order of
// umeta_id. NULL reads as "", as it does in WordPress.
func (d *DB) Meta(t testing.TB, user uint64) map[string][]string {
	t.Helper()
	var rows []struct {
		Key   string `db:"meta_key"`
		Value string `db:"meta_value"`
	}
	require.NoError(t, d.SQL.SelectContext(t.Context(), &rows,
		`SELECT COALESCE(meta_key, '') AS meta_key, COALESCE(meta_value, '') AS meta_value
		FROM wp_usermeta WHERE user_id = ? ORDER BY umeta_id`, user))
	meta := make(map[string][]string)
	for _, row := range rows {
		meta[row.Key] = append(meta[row.Key], row.Value)
	}
	return meta
}
