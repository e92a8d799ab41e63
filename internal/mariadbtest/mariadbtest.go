// Package mariadbtest gives every test its own database on a real server:
// WordPress's tables as WordPress creates them, and an account with exactly the
// privileges that the service has in production.
//
// The server is a private, temporary MariaDB server. The first test of a binary that
// needs a database starts it, and Main stops it. If the environment variable
// AUTOWEBINAR_TEST_DSN contains the go-sql-driver DSN of an administrator of a MariaDB
// or MySQL server, that server is used instead. Databases and accounts of the tests
// have unique names there and are dropped afterwards.
//
// Without a server a test is not skipped. It fails, and says what to install.
package mariadbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/progresstest"
)

// Env is the environment variable that names a server to use.
const Env = "AUTOWEBINAR_TEST_DSN"

const (
	startTimeout = 3 * time.Minute
	dropTimeout  = 2 * time.Minute
)

// shared is the server of this test binary. It is a package variable because TestMain
// cannot pass values to tests.
var shared backend

// Main is the body of a TestMain. It runs the tests, stops the server if one was
// started, and exits. If the tests take longer than 30 seconds, it reports which of
// them are running; see package progresstest.
//
//	func TestMain(m *testing.M) { mariadbtest.Main(m) }
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is like Main, but returns the exit code instead of exiting, for a TestMain
// that has more to clean up.
func Run(m *testing.M) int {
	defer progresstest.Start()()
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "mariadbtest:", err)
		code = max(code, 1)
	}
	return code
}

// backend is a server for databases. It is opened on first use.
type backend struct {
	once   sync.Once
	err    error
	server *mariadbd.Server // nil if Env names the server
	admin  *mysql.Config    // the administrator
	public *mysql.Config    // the address at which ordinary accounts log in
	db     *sql.DB          // the administrator's connections
	prefix string           // prefix of all databases and accounts that the tests create
	count  atomic.Int64
}

func (b *backend) open() error {
	b.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		b.err = b.start(ctx, os.Getenv(Env))
	})
	return b.err
}

func (b *backend) start(ctx context.Context, dsn string) error {
	b.prefix = "aw_" + strings.ToLower(rand.Text()[:10]) + "_"
	if dsn == "" {
		// Statements that use NOW() fail tests in a time zone other than UTC.
		var err error
		if b.server, err = mariadbd.Start(ctx, mariadbd.Config{Args: []string{"--default-time-zone=+05:30"}}); err != nil {
			return err
		}
		dsn = b.server.AdminDSN("")
	}
	if err := b.connect(dsn); err != nil {
		return fmt.Errorf("%s: %w", Env, err)
	}
	if err := b.db.PingContext(ctx); err != nil {
		return fmt.Errorf("the server that %s names does not respond: %w", Env, err)
	}
	return nil
}

// connect prepares connections to the server of the DSN.
func (b *backend) connect(dsn string) (err error) {
	if b.admin, err = mysql.ParseDSN(dsn); err != nil {
		return err
	}
	b.public = b.admin.Clone()
	if b.server != nil {
		b.public.Net, b.public.Addr = "tcp", b.server.Addr()
	}
	b.db, err = open(b.admin)
	return err
}

func (b *backend) close() error {
	var errs []error
	if b.db != nil {
		errs = append(errs, b.db.Close())
	}
	if b.server != nil {
		errs = append(errs, b.server.Close())
	}
	return errors.Join(errs...)
}

func (b *backend) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := b.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", firstLine(statement), err)
		}
	}
	return nil
}

func open(cfg *mysql.Config) (*sql.DB, error) {
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
