package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/wpdb"
)

// binlogArgs make a server write a durable binary log.
var binlogArgs = []string{"--log-bin=binlog", "--sync-binlog=1", "--server-id=1"}

func startServer(b *testing.B, args ...string) *mariadbd.Server {
	b.Helper()
	server, err := mariadbd.Start(b.Context(), mariadbd.Config{Durable: true, BufferPoolMB: 512, Args: args})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, server.Close()) })
	return server
}

// serverPID reads the process id that a server writes into the folder of its socket.
func serverPID(b *testing.B, server *mariadbd.Server) int {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(server.Socket()), "pid"))
	require.NoError(b, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(b, err)
	return pid
}

// site is a WordPress database with viewers.
type site struct {
	server  *mariadbd.Server
	pid     int           // of the server
	admin   *sqlx.DB      // all privileges
	account *mysql.Config // of the service, with the privileges of production
	viewers []viewer

	position atomic.Int64 // the next position to report
}

// newSite creates a database with WordPress's two tables and an account of the
// same name for the service.
func newSite(b *testing.B, server *mariadbd.Server, name string) *site {
	b.Helper()
	schema, err := os.ReadFile("../demo/schema.sql")
	require.NoError(b, err)
	s := createDatabase(b, server, name)
	// WordPress does not use strict mode either, in which the default values of its
	// tables are invalid.
	execAll(b, s.admin, append([]string{"SET SESSION sql_mode = ''"}, strings.Split(strings.TrimSpace(string(schema)), ";\n")...)...)
	s.createAccount(b, name)
	return s
}

// createDatabase creates an empty database.
func createDatabase(b *testing.B, server *mariadbd.Server, name string) *site {
	b.Helper()
	root, err := sqlx.Open("mysql", server.AdminDSN(""))
	require.NoError(b, err)
	defer root.Close()
	execAll(b, root, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci")

	admin, err := sqlx.Open("mysql", server.AdminDSN(name)+"?interpolateParams=true&maxAllowedPacket=0")
	require.NoError(b, err)
	admin.SetMaxOpenConns(1) // so that SET SESSION applies to later statements
	b.Cleanup(func() { _ = admin.Close() })
	s := &site{server: server, pid: serverPID(b, server), admin: admin}
	s.position.Store(firstPosition)
	return s
}

func (s *site) createAccount(b *testing.B, name string) {
	b.Helper()
	s.account = mysql.NewConfig()
	s.account.User, s.account.Passwd, s.account.DBName = name, rand.Text(), name
	s.account.Net, s.account.Addr = "tcp", s.server.Addr()
	account := "'" + name + "'@'%'"
	execAll(b, s.admin,
		"CREATE USER "+account+" IDENTIFIED BY '"+s.account.Passwd+"'",
		"GRANT SELECT ON "+name+".wp_users TO "+account,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON "+name+".wp_usermeta TO "+account)
}

func (s *site) tables(connections int) wpdb.Config {
	return wpdb.Config{DSN: s.account, UsersTable: "wp_users", UsermetaTable: "wp_usermeta", MaxConnections: connections}
}

// pool opens a pool as the service does.
func (s *site) pool(b *testing.B, connections int) *wpdb.DB {
	b.Helper()
	pool, err := wpdb.Open(s.tables(connections))
	require.NoError(b, err)
	b.Cleanup(func() { _ = pool.Close() })
	return pool
}

// Positions have six digits, so that all reports have the same length. They rise
// from one measurement to the next, so that every report changes a row.
const (
	firstPosition     = 100_000
	reservedPositions = 500
)

func (s *site) reservePositions() int64 { return s.position.Add(reservedPositions) - reservedPositions }

const webinarID = "intro"

// addViewers adds logged-in viewers, with a current session if they are watching.
func (s *site) addViewers(b *testing.B, count int, watching bool) {
	b.Helper()
	s.viewers = newViewers(count)
	now := time.Now().UTC().Format(time.DateTime)
	var users, meta []any
	for _, v := range s.viewers {
		users = append(users, v.id, v.login, passwordHash, v.login, v.login+"@example.test", now, v.login)
		row := func(key, value string) { meta = append(meta, v.id, key, value) }
		row("nickname", v.login)
		row("wp_capabilities", `a:1:{s:10:"subscriber";b:1;}`)
		row("session_tokens", v.sessionTokens())
		if watching {
			row("autowebinar_session_id", fmt.Sprintf("0195e0a0-0000-7000-8000-%012d", v.id))
			row("autowebinar_webinar_id", webinarID)
			row("autowebinar_started_at", now)
			row("autowebinar_last_position_sec", strconv.Itoa(firstPosition-1))
			row("autowebinar_furthest_sec", strconv.Itoa(firstPosition-1))
			row("autowebinar_progress_percent", "0")
			row("autowebinar_last_seen_at", now)
		}
	}
	s.insert(b, "wp_users (ID, user_login, user_pass, user_nicename, user_email, user_registered, display_name)", 7, users)
	s.insert(b, "wp_usermeta (user_id, meta_key, meta_value)", 3, meta)
	execAll(b, s.admin, "ANALYZE TABLE wp_users, wp_usermeta")
}

// insert adds rows, at most 500 per statement.
func (s *site) insert(b *testing.B, into string, columns int, values []any) {
	b.Helper()
	row := "(" + strings.Repeat(", ?", columns)[2:] + ")"
	for len(values) > 0 {
		part := values[:min(len(values), 500*columns)]
		values = values[len(part):]
		_, err := s.admin.Exec("INSERT INTO "+into+" VALUES "+row+strings.Repeat(", "+row, len(part)/columns-1), part...)
		require.NoError(b, err)
	}
}

// rowIDs returns the umeta_id of a key for each viewer.
func (s *site) rowIDs(b *testing.B, key string) []uint64 {
	b.Helper()
	var ids []uint64
	require.NoError(b, s.admin.Select(&ids, "SELECT umeta_id FROM wp_usermeta WHERE meta_key = ? AND user_id >= ? ORDER BY user_id", key, firstViewerID))
	require.Len(b, ids, len(s.viewers))
	return ids
}

func execAll(b *testing.B, db *sqlx.DB, statements ...string) {
	b.Helper()
	for _, statement := range statements {
		_, err := db.ExecContext(context.Background(), statement)
		require.NoError(b, err, statement)
	}
}
