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

// echo is a server that sends back what it gets.
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
			go func() { defer conn.Close(); _, _ = io.Copy(conn, conn) }()
		}
	}()
	return listener.Addr().String()
}

func dial(t *testing.T, w *Wire) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", w.Address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
}

func hear(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	got := make([]byte, len(text))
	_, err := io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
}

func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := conn.Read(make([]byte, 1))
	var netErr net.Error
	require.ErrorAs(t, err, &netErr)
	require.True(t, netErr.Timeout())
}

func TestAWireThatDrops(t *testing.T) {
	t.Parallel()
	w := NewWire(t, echo(t))
	hit, idle := dial(t, w), dial(t, w)
	for _, conn := range []net.Conn{hit, idle} {
		say(t, conn, "hello")
		hear(t, conn, "hello")
	}
	w.Drop()
	say(t, hit, "lost")
	fresh := dial(t, w)
	say(t, fresh, "early")
	silent(t, hit)
	silent(t, fresh)

	w.Mend()
	hear(t, fresh, "early")
	say(t, idle, "back")
	hear(t, idle, "back")
	say(t, hit, "still lost")
	silent(t, hit)
}

func TestAWireThatHolds(t *testing.T) {
	t.Parallel()
	w := NewWire(t, echo(t))
	conn := dial(t, w)
	w.Hold()
	say(t, conn, "late ")
	say(t, conn, "but whole")
	silent(t, conn)
	w.Mend()
	hear(t, conn, "late but whole")
}

func TestAWireThatIsSlow(t *testing.T) {
	t.Parallel()
	w := NewWire(t, echo(t))
	conn := dial(t, w)
	w.Delay(50 * time.Millisecond)
	begun := time.Now()
	say(t, conn, "hello")
	hear(t, conn, "hello")
	assert.GreaterOrEqual(t, time.Since(begun), 100*time.Millisecond)
}

// Whoever lets go takes nothing away that somebody else does.
func TestHandsOnAWire(t *testing.T) {
	t.Parallel()
	w := NewWire(t, echo(t))
	conn := dial(t, w)
	dropped := w.Drop()
	held, slow := w.Hold(), w.Delay(50*time.Millisecond)
	dropped()
	say(t, conn, "held")
	silent(t, conn)
	begun := time.Now()
	held()
	hear(t, conn, "held")
	assert.GreaterOrEqual(t, time.Since(begun), 50*time.Millisecond)
	slow()

	replies := []*Reply{{Number: 1}, {Number: 2}, nil}
	var letGo []func()
	for _, reply := range replies {
		letGo = append(letGo, w.SetRule(func(string) *Reply { return reply }))
	}
	assert.Equal(t, replies[0], judge(w.rules(), "SELECT 1"))
	letGo[0]()
	assert.Equal(t, replies[1], judge(w.rules(), "SELECT 1"))
	letGo[1]()
	assert.Nil(t, judge(w.rules(), "SELECT 1"))
	assert.Len(t, w.rules(), 1)
	w.Mend()
	letGo[2]()
	assert.Empty(t, w.rules())
}

func TestAWireThatResets(t *testing.T) {
	t.Parallel()
	w := NewWire(t, echo(t))
	torn, spared := dial(t, w), dial(t, w)
	for _, conn := range []net.Conn{torn, spared} {
		say(t, conn, "hello")
		hear(t, conn, "hello")
	}
	first := true
	require.Equal(t, 1, w.Reset(func() bool { one := first; first = false; return one }))
	resets := 0
	for _, conn := range []net.Conn{torn, spared} {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
		if _, err := conn.Read(make([]byte, 1)); assert.Error(t, err) {
			if assert.NotErrorIs(t, err, io.EOF); !err.(net.Error).Timeout() {
				require.ErrorIs(t, err, syscall.ECONNRESET)
				resets++
			}
		}
	}
	assert.Equal(t, 1, resets)
	fresh := dial(t, w)
	say(t, fresh, "hello")
	hear(t, fresh, "hello")
}

// statementsOf opens one connection to a database over a wire.
func statementsOf(t *testing.T, db *mariadbtest.DB, w *Wire) *sql.Conn {
	t.Helper()
	cfg, err := mysql.ParseDSN(Through(t, db.DSN, w.Address))
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

func TestAWireAnswersForTheServer(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	w := NewWire(t, AddressOf(t, db.DSN))
	conn := statementsOf(t, db, w)
	insert := "\n\t\tINSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (?, 'k', ?)"
	long := strings.Repeat("long", 50_000) // more than one read
	letGo := w.SetRule(func(statement string) *Reply {
		if strings.HasPrefix(statement, "INSERT") && strings.Contains(statement, "(7,") {
			return &Reply{Number: 1021, Message: "Disk full; waiting for someone to free some space..."}
		}
		return nil
	})
	for range 3 {
		_, err := conn.ExecContext(t.Context(), insert, 7, long)
		var refused *mysql.MySQLError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, uint16(1021), refused.Number)
		_, err = conn.ExecContext(t.Context(), insert, 8, long)
		require.NoError(t, err)
	}
	letGo()
	_, err := conn.ExecContext(t.Context(), insert, 7, long)
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{"k": {long}}, db.Meta(t, 7))
	assert.Equal(t, map[string][]string{"k": {long, long, long}}, db.Meta(t, 8))
}

func TestAWireLosesAnswers(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	w := NewWire(t, AddressOf(t, db.DSN))
	conn := statementsOf(t, db, w)
	w.SetRule(func(statement string) *Reply {
		if strings.HasPrefix(statement, "INSERT") {
			return &Reply{Lost: true}
		}
		return nil
	})
	_, err := conn.ExecContext(t.Context(), "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (7, 'k', 'v')")
	require.Error(t, err)
	var refused *mysql.MySQLError
	require.NotErrorAs(t, err, &refused)
	require.ErrorIs(t, conn.PingContext(context.WithoutCancel(t.Context())), driver.ErrBadConn)
	assert.Equal(t, map[string][]string{"k": {"v"}}, db.Meta(t, 7), "the server has done it")
}

func TestACommitThatFailsIsRolledBack(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	w := NewWire(t, AddressOf(t, db.DSN))
	conn := statementsOf(t, db, w)
	w.SetRule(func(statement string) *Reply {
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
		var refused *mysql.MySQLError
		require.ErrorAs(t, tx.Commit(), &refused)
		assert.Equal(t, uint16(1290), refused.Number)
	}
	assert.Empty(t, db.Meta(t, 7))
}
