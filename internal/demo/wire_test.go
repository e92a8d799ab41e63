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

// echo listens as a database would, and sends lines back.
func echo(t *testing.T) (address string) {
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

// through opens a connection over a wire and returns a function that sends a
// line and reads it back.
func through(t *testing.T, dsn string) (talk func() error) {
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

func TestWireIsCutAndMended(t *testing.T) {
	t.Parallel()
	wire, dsn, err := NewWire("user:secret@tcp(" + echo(t) + ")/wordpress?timeout=5s")
	require.NoError(t, err)
	assert.Regexp(t, `^user:secret@tcp\(127\.0\.0\.1:\d+\)/wordpress\?timeout=5s$`, dsn)

	before := through(t, dsn)
	require.NoError(t, before())
	wire.SetCut(true)
	assert.Error(t, before(), "open connections end")
	during := through(t, dsn)
	assert.Error(t, during(), "new ones, too")
	wire.SetCut(false)
	after := through(t, dsn)
	assert.NoError(t, after())

	require.NoError(t, wire.Close())
	assert.Error(t, after())
}

func TestWireWithoutADatabase(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	wire, dsn, err := NewWire("root@tcp(" + listener.Addr().String() + ")/wordpress")
	require.NoError(t, err)
	assert.Error(t, through(t, dsn)())
	require.NoError(t, wire.Close())

	_, _, err = NewWire("no DSN")
	assert.Error(t, err)
}

// A certificate names its host, so such a connection is not led elsewhere.
func TestWireLeavesTLSAlone(t *testing.T) {
	t.Parallel()
	wire, dsn, err := NewWire("root@tcp(db.example:3306)/wordpress?tls=true")
	require.NoError(t, err)
	assert.Nil(t, wire)
	assert.Contains(t, dsn, "tcp(db.example:3306)")
	assert.NoError(t, wire.Close())
}
