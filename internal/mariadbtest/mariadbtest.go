// Package mariadbtest gives every test a database of its own on a real server:
// WordPress's tables as WordPress makes them, and an account with exactly the
// privileges that the service has in production.
//
// The server is a private throw-away MariaDB, started by the first test of a
// binary that asks for a database and stopped by Main. Where the environment
// variable AUTOWEBINAR_TEST_DSN holds the go-sql-driver DSN of an
// administrator of some MariaDB or MySQL server, that one is used instead:
// whatever the tests make there has a name of its own and is dropped again.
//
// A test never skips for want of a server. It fails, and says what to install.
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
	startTimeout = 60 * time.Second
	dropTimeout  = 30 * time.Second
)

// shared is the one server of this test binary. TestMain and the tests have
// nothing else in common through which it could be handed over.
var shared backend

// Main is the body of a TestMain: it runs the tests, stops the server if one
// was started, and exits.
//
//	func TestMain(m *testing.M) { mariadbtest.Main(m) }
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for a TestMain that has more to clean up: it returns the exit code.
func Run(m *testing.M) int {
	defer progresstest.Start()()
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "mariadbtest:", err)
		code = max(code, 1)
	}
	return code
}

// backend is a server to make databases on, opened when first asked for.
type backend struct {
	once   sync.Once
	err    error
	server *mariadbd.Server // nil: the server is somebody else's
	admin  *mysql.Config    // the administrator
	public *mysql.Config    // the address at which ordinary accounts log in
	db     *sql.DB          // the administrator's connections
	prefix string           // of all names made there
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
		// A server whose clock is not on UTC catches who asks it for NOW().
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
		return fmt.Errorf("the server that %s names does not answer: %w", Env, err)
	}
	return nil
}

// connect prepares connections to the backend's server, or to that of the dsn.
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
