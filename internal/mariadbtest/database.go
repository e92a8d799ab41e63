package mariadbtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/progresstest"
)

// DB is one test's database.
type DB struct {
	// SQL is a pool with all privileges, to set up and inspect the database.
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

// New creates a database with empty wp_users and wp_usermeta and two rows in
// wp_options, and drops it when the test ends. Without a server the test fails.
func New(t testing.TB) *DB {
	t.Helper()
	progresstest.Track(t)
	if err := shared.open(); err != nil {
		t.Fatalf("mariadbtest: this test needs a database server: %v", err)
	}
	name := fmt.Sprintf("%s%d", shared.prefix, shared.count.Add(1))
	t.Cleanup(func() { shared.drop(t, name) })
	return shared.database(t, name, rand.Text())
}

// NewWithServer is New on a new MariaDB server, which the test may configure, stop and
// kill. All such databases have the same name, account and password.
func NewWithServer(t testing.TB, cfg mariadbd.Config) (*DB, *mariadbd.Server) {
	t.Helper()
	progresstest.Track(t)
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	server, err := mariadbd.Start(ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	b := &backend{server: server}
	require.NoError(t, b.connect(server.AdminDSN("")))
	t.Cleanup(func() { _ = b.db.Close() }) // its connections may be broken
	return b.database(t, "own", "password-of-its-own"), server
}

// database creates a database and an account of the same name.
func (b *backend) database(t testing.TB, name, password string) *DB {
	t.Helper()
	account := accountOf(name)
	require.NoError(t, b.exec(t.Context(),
		"CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci",
		"CREATE USER "+account+" IDENTIFIED BY '"+password+"'"))
	admin := b.admin.Clone()
	admin.DBName = name
	require.NoError(t, createTables(t.Context(), admin))
	require.NoError(t, b.exec(t.Context(),
		"GRANT SELECT ON "+name+".wp_users TO "+account,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON "+name+".wp_usermeta TO "+account))

	service := b.public.Clone()
	service.User, service.Passwd, service.DBName = name, password, name

	pool, err := open(admin)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return &DB{SQL: sqlx.NewDb(pool, "mysql"), DSN: service.FormatDSN(), AdminDSN: admin.FormatDSN(), Name: name}
}

func accountOf(name string) string { return "'" + name + "'@'%'" }

func (b *backend) drop(t testing.TB, name string) {
	// The context of the test has ended.
	ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
	defer cancel()
	if err := b.exec(ctx, "DROP DATABASE IF EXISTS "+name, "DROP USER IF EXISTS "+accountOf(name)); err != nil {
		t.Errorf("mariadbtest: drop database: %v", err)
	}
}

// createTables uses a session without strict modes, as WordPress does, because they
// reject the default of user_registered.
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

// AddUser inserts a row of wp_users. passHash is stored unchanged.
func (d *DB) AddUser(t testing.TB, id uint64, login, passHash string) {
	t.Helper()
	_, err := d.SQL.ExecContext(t.Context(),
		`INSERT INTO wp_users (ID, user_login, user_pass, user_nicename, user_email, user_registered, display_name)
		VALUES (?, ?, ?, ?, ?, '2026-01-02 03:04:05', ?)`,
		id, login, passHash, login, login+"@example.test", login)
	require.NoError(t, err)
}

// SetMeta inserts a row of wp_usermeta even if one with the same key exists.
func (d *DB) SetMeta(t testing.TB, user uint64, key, value string) {
	t.Helper()
	_, err := d.SQL.ExecContext(t.Context(),
		`INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (?, ?, ?)`, user, key, value)
	require.NoError(t, err)
}

// Meta returns the values of all rows of a user by key, in the order of umeta_id. NULL
// becomes "", as in WordPress.
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
