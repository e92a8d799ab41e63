package wpdb_test

import (
	"io"
	"net"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/storetest"
	"autowebinar/internal/wpdb"
)

// A connection that breaks during the handshake means that the database is
// unavailable.
func TestBrokenHandshakeIsUnavailable(t *testing.T) {
	t.Parallel()
	greeting := "\x4a\x00\x00\x00\x0a10.11.19-MariaDB\x00\x01\x00\x00\x00abcdefgh\x00\xff\xf7\x2d\x02\x00\xff\x81\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00abcdefghijkl\x00mysql_native_password\x00"
	for name, says := range map[string]string{
		"nothing": "", "half a greeting": greeting[:20], "a greeting": greeting, "no packet": "HTTP/1.1 400 Bad Request\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = io.WriteString(conn, says)
					_ = conn.(*net.TCPConn).SetLinger(0)
					conn.Close()
				}
			}()
			dsn := mysql.NewConfig()
			dsn.Net, dsn.Addr, dsn.DBName = "tcp", listener.Addr().String(), "wordpress"
			cfg := wpdb.Config{DSN: dsn, UsersTable: "wp_users", UsermetaTable: "wp_usermeta"}
			pool, err := wpdb.Open(cfg)
			require.NoError(t, err)
			defer pool.Close()
			for range 20 {
				_, err = pool.ExecContext(t.Context(), "SELECT 1")
				require.ErrorIs(t, wpdb.WrapUnavailable(err), wpdb.ErrUnavailable)
			}
		})
	}
}

func TestMain(m *testing.M) { mariadbtest.Main(m) }

// Only these variables bound how long a connection waits, and how long its locks
// survive a client that vanishes.
func TestSessionVariables(t *testing.T) {
	t.Parallel()
	pool := storetest.Open(t, storetest.Config(t, mariadbtest.New(t).DSN))
	for name, want := range map[string]string{
		"innodb_lock_wait_timeout": "1", "lock_wait_timeout": "2", "wait_timeout": "15", "time_zone": "+00:00",
		"autocommit": "ON", "completion_type": "NO_CHAIN", "sql_safe_updates": "OFF",
		"sql_select_limit": "9223372036854775807", "sql_big_selects": "ON",
	} {
		var got string
		require.NoError(t, pool.QueryRowContext(t.Context(), "SHOW SESSION VARIABLES LIKE '"+name+"'").Scan(&name, &got))
		assert.Equal(t, want, got, name)
	}
}
