package demo

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startEcho starts a server that echoes what it receives.
func startEcho(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

// connect opens a connection to the address in a DSN and returns a function that
// sends a line and reads the echo.
func connect(t *testing.T, dsn string) (ping func() error) {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	conn, err := net.Dial(cfg.Net, cfg.Addr)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	lines := bufio.NewReader(conn)
	return func() error {
		if _, err := fmt.Fprintln(conn, "hello"); err != nil {
			return err
		}
		_, err := lines.ReadString('\n')
		return err
	}
}

func TestDatabaseProxyOutage(t *testing.T) {
	t.Parallel()
	proxy, dsn, err := NewDatabaseProxy("user:secret@tcp(" + startEcho(t) + ")/wordpress?timeout=5s")
	require.NoError(t, err)
	assert.Regexp(t, `^user:secret@tcp\(127\.0\.0\.1:\d+\)/wordpress\?timeout=5s$`, dsn)

	before := connect(t, dsn)
	require.NoError(t, before())
	proxy.SetDown(true)
	assert.Error(t, before(), "open connections end")
	during := connect(t, dsn)
	assert.Error(t, during(), "new connections end")
	proxy.SetDown(false)
	after := connect(t, dsn)
	assert.NoError(t, after())

	require.NoError(t, proxy.Close())
	assert.Error(t, after())
}

func TestDatabaseProxyWithoutADatabase(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	proxy, dsn, err := NewDatabaseProxy("root@tcp(" + listener.Addr().String() + ")/wordpress")
	require.NoError(t, err)
	assert.Error(t, connect(t, dsn)())
	require.NoError(t, proxy.Close())

	_, _, err = NewDatabaseProxy("no DSN")
	assert.Error(t, err)
}

// A certificate would not match the address of the proxy.
func TestDatabaseProxyIsNotUsedWithTLS(t *testing.T) {
	t.Parallel()
	proxy, dsn, err := NewDatabaseProxy("root@tcp(db.example:3306)/wordpress?tls=true")
	require.NoError(t, err)
	assert.Nil(t, proxy)
	assert.Contains(t, dsn, "tcp(db.example:3306)")
	assert.NoError(t, proxy.Close())
}
