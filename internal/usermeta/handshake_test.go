package usermeta_test

import (
	"io"
	"log/slog"
	"net"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// Whatever a connection breaks at while it is made, the database is away and
// the request may be repeated.
func TestAHandshakeThatBreaksIsNoFaultOfOurs(t *testing.T) {
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
			cfg := usermeta.Config{DSN: dsn, UsersTable: "wp_users", UsermetaTable: "wp_usermeta"}
			pool, err := usermeta.Open(cfg)
			require.NoError(t, err)
			defer pool.Close()
			outbox := usermeta.NewOutbox(pool, cfg, "lead", slog.New(slog.DiscardHandler))
			for range 20 {
				_, err = outbox.LeadID(t.Context(), webinar.UserID(1))
				require.ErrorIs(t, err, usermeta.ErrUnavailable)
			}
		})
	}
}
