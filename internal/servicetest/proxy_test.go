package servicetest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

func TestMain(m *testing.M) { Main(m) }

// startEcho starts a server that sends back what it gets.
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
			go func() { defer conn.Close(); _, _ = io.Copy(conn, conn) }()
		}
	}()
	return listener.Addr().String()
}

func dial(t *testing.T, p *FaultProxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func write(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
}

func expectRead(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	got := make([]byte, len(text))
	_, err := io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
}

func expectSilence(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := conn.Read(make([]byte, 1))
	var netErr net.Error
	require.ErrorAs(t, err, &netErr)
	require.True(t, netErr.Timeout())
}

func TestProxyDrops(t *testing.T) {
	t.Parallel()
	p := NewFaultProxy(t, startEcho(t))
	hit, idle := dial(t, p), dial(t, p)
	for _, conn := range []net.Conn{hit, idle} {
		write(t, conn, "hello")
		expectRead(t, conn, "hello")
	}
	p.Drop()
	write(t, hit, "lost")
	fresh := dial(t, p)
	write(t, fresh, "early")
	expectSilence(t, hit)
	expectSilence(t, fresh)

	p.Clear()
	expectRead(t, fresh, "early")
	write(t, idle, "back")
	expectRead(t, idle, "back")
	write(t, hit, "still lost")
	expectSilence(t, hit)
}

func TestProxyBuffers(t *testing.T) {
	t.Parallel()
	p := NewFaultProxy(t, startEcho(t))
	conn := dial(t, p)
	p.Buffer()
	write(t, conn, "late ")
	write(t, conn, "but whole")
	expectSilence(t, conn)
	p.Clear()
	expectRead(t, conn, "late but whole")
}

func TestProxyDelays(t *testing.T) {
	t.Parallel()
	p := NewFaultProxy(t, startEcho(t))
	conn := dial(t, p)
	p.Delay(50 * time.Millisecond)
	begun := time.Now()
	write(t, conn, "hello")
	expectRead(t, conn, "hello")
	assert.GreaterOrEqual(t, time.Since(begun), 100*time.Millisecond)
}

func TestProxyFaultsAreIndependent(t *testing.T) {
	t.Parallel()
	p := NewFaultProxy(t, startEcho(t))
	conn := dial(t, p)
	removeDrop := p.Drop()
	removeBuffer, removeDelay := p.Buffer(), p.Delay(50*time.Millisecond)
	removeDrop()
	write(t, conn, "buffered")
	expectSilence(t, conn)
	begun := time.Now()
	removeBuffer()
	expectRead(t, conn, "buffered")
	assert.GreaterOrEqual(t, time.Since(begun), 50*time.Millisecond)
	removeDelay()

	replies := []*Reply{{Number: 1}, {Number: 2}, nil}
	var remove []func()
	for _, reply := range replies {
		remove = append(remove, p.AddRule(func(string) *Reply { return reply }))
	}
	assert.Equal(t, replies[0], firstReply(p.rules(), "SELECT 1"))
	remove[0]()
	assert.Equal(t, replies[1], firstReply(p.rules(), "SELECT 1"))
	remove[1]()
	assert.Nil(t, firstReply(p.rules(), "SELECT 1"))
	assert.Len(t, p.rules(), 1)
	p.Clear()
	remove[2]()
	assert.Empty(t, p.rules())
}

func TestProxyResets(t *testing.T) {
	t.Parallel()
	p := NewFaultProxy(t, startEcho(t))
	one, other := dial(t, p), dial(t, p)
	for _, conn := range []net.Conn{one, other} {
		write(t, conn, "hello")
		expectRead(t, conn, "hello")
	}
	first := true
	require.Equal(t, 1, p.Reset(func() bool { isFirst := first; first = false; return isFirst }))
	resets := 0
	for _, conn := range []net.Conn{one, other} {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
		if _, err := conn.Read(make([]byte, 1)); assert.Error(t, err) {
			if assert.NotErrorIs(t, err, io.EOF); !err.(net.Error).Timeout() {
				require.ErrorIs(t, err, syscall.ECONNRESET)
				resets++
			}
		}
	}
	assert.Equal(t, 1, resets)
	fresh := dial(t, p)
	write(t, fresh, "hello")
	expectRead(t, fresh, "hello")
}

// connectThrough opens one connection to a database through a proxy.
func connectThrough(t *testing.T, db *mariadbtest.DB, p *FaultProxy) *sql.Conn {
	t.Helper()
	cfg, err := mysql.ParseDSN(WithAddress(t, db.DSN, p.Address))
	require.NoError(t, err)
	cfg.InterpolateParams, cfg.Logger = true, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	require.NoError(t, err)
	pool := sql.OpenDB(connector)
	t.Cleanup(func() { pool.Close() })
	conn, err := pool.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestProxyRepliesForServer(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	p := NewFaultProxy(t, AddressOf(t, db.DSN))
	conn := connectThrough(t, db, p)
	insert := "\n\t\tINSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (?, 'k', ?)"
	long := strings.Repeat("long", 50_000) // more than one read
	remove := p.AddRule(func(statement string) *Reply {
		if strings.HasPrefix(statement, "INSERT") && strings.Contains(statement, "(7,") {
			return &Reply{Number: 1021, Message: "Disk full; waiting for someone to free some space..."}
		}
		return nil
	})
	for range 3 {
		_, err := conn.ExecContext(t.Context(), insert, 7, long)
		var sqlErr *mysql.MySQLError
		require.ErrorAs(t, err, &sqlErr)
		assert.Equal(t, uint16(1021), sqlErr.Number)
		_, err = conn.ExecContext(t.Context(), insert, 8, long)
		require.NoError(t, err)
	}
	remove()
	_, err := conn.ExecContext(t.Context(), insert, 7, long)
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{"k": {long}}, db.Meta(t, 7))
	assert.Equal(t, map[string][]string{"k": {long, long, long}}, db.Meta(t, 8))
}

func TestProxyLosesResponses(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	p := NewFaultProxy(t, AddressOf(t, db.DSN))
	conn := connectThrough(t, db, p)
	p.AddRule(func(statement string) *Reply {
		if strings.HasPrefix(statement, "INSERT") {
			return &Reply{LoseResponse: true}
		}
		return nil
	})
	_, err := conn.ExecContext(t.Context(), "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (7, 'k', 'v')")
	require.Error(t, err)
	var sqlErr *mysql.MySQLError
	require.NotErrorAs(t, err, &sqlErr)
	require.ErrorIs(t, conn.PingContext(context.WithoutCancel(t.Context())), driver.ErrBadConn)
	assert.Equal(t, map[string][]string{"k": {"v"}}, db.Meta(t, 7), "the server has executed it")
}

func TestFailedCommitIsRolledBack(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	p := NewFaultProxy(t, AddressOf(t, db.DSN))
	conn := connectThrough(t, db, p)
	p.AddRule(func(statement string) *Reply {
		if statement == "COMMIT" {
			return &Reply{Number: 1290, Message: "The server is running with the --read-only option"}
		}
		return nil
	})
	for range 3 {
		tx, err := conn.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, err = tx.ExecContext(t.Context(), "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (7, 'k', 'v')")
		require.NoError(t, err)
		var sqlErr *mysql.MySQLError
		require.ErrorAs(t, tx.Commit(), &sqlErr)
		assert.Equal(t, uint16(1290), sqlErr.Number)
	}
	assert.Empty(t, db.Meta(t, 7))
}
