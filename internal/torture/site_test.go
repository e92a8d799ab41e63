package torture

import (
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/mariadbtest/mariadbd"
)

// siteOn makes the tables of a WordPress site, and the account of the service,
// on a server. What it returns works as a database of mariadbtest does.
func siteOn(t testing.TB, server *mariadbd.Server) *mariadbtest.DB {
	t.Helper()
	const name = "site"
	bare, err := sqlx.Open("mysql", server.AdminDSN(""))
	require.NoError(t, err)
	defer bare.Close()
	password := rand.Text()
	run(t, bare,
		"CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci",
		"CREATE USER '"+name+"'@'%' IDENTIFIED BY '"+password+"'")

	schema, err := os.ReadFile("../demo/schema.sql")
	require.NoError(t, err)
	// WordPress's own sessions have no strict mode either, which its defaults need.
	loose, err := sqlx.Open("mysql", server.AdminDSN(name)+"?sql_mode=%27%27")
	require.NoError(t, err)
	defer loose.Close()
	run(t, loose, strings.Split(strings.TrimSpace(string(schema)), ";\n")...)
	run(t, bare,
		"GRANT SELECT ON "+name+".wp_users TO '"+name+"'@'%'",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON "+name+".wp_usermeta TO '"+name+"'@'%'")

	admin, err := sqlx.Open("mysql", server.AdminDSN(name))
	require.NoError(t, err)
	t.Cleanup(func() { _ = admin.Close() })
	account := mysql.NewConfig()
	account.User, account.Passwd, account.DBName = name, password, name
	account.Net, account.Addr = "tcp", server.Addr()
	return &mariadbtest.DB{SQL: admin, DSN: account.FormatDSN(), AdminDSN: server.AdminDSN(name), Name: name}
}

func run(t testing.TB, db *sqlx.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// clock is how far the database's clock has been from ours in this run. A fault
// that sets it must say so before it does.
type clock struct {
	mu    sync.Mutex
	steps []time.Duration
}

// may says that the database's clock may be so far ahead from now on.
func (c *clock) may(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps = append(c.steps, ahead)
}

// offsets are all that have been possible so far, the true time among them.
func (c *clock) offsets() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration{0}, c.steps...)
}
