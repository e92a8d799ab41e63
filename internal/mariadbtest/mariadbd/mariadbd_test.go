package mariadbd_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest/mariadbd"
)

func TestServerRestartsWithItsData(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*mariadbd.Server) error{
		"stopped": (*mariadbd.Server).Stop,
		"killed":  (*mariadbd.Server).Kill,
	} {
		for _, durable := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, durable %t", name, durable), func(t *testing.T) {
				t.Parallel()
				server := start(t, mariadbd.Config{Durable: durable})
				port := server.Port()
				db := connect(t, server.AdminDSN(""))
				run(t, db, "CREATE DATABASE kept", "CREATE TABLE kept.t (id int)", "INSERT INTO kept.t VALUES (42)")
				assert.ErrorIs(t, server.Start(t.Context()), mariadbd.ErrRunning)

				require.NoError(t, end(server))
				require.NoError(t, end(server), "a second time")
				require.Error(t, db.PingContext(t.Context()))

				require.NoError(t, server.Start(t.Context()))
				assert.Equal(t, port, server.Port())
				var id int
				require.NoError(t, db.QueryRowContext(t.Context(), "SELECT id FROM kept.t").Scan(&id))
				assert.Equal(t, 42, id)
			})
		}
	}
}

func TestDataDirIsKept(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	first := start(t, mariadbd.Config{DataDir: data, Durable: true})
	run(t, connect(t, first.AdminDSN("")), "CREATE DATABASE kept")
	require.NoError(t, first.Close())
	assert.NoFileExists(t, first.Socket())

	second := start(t, mariadbd.Config{DataDir: data, Durable: true})
	assert.NoError(t, connect(t, second.AdminDSN("kept")).PingContext(t.Context()))
}

func TestCloseRemovesEverything(t *testing.T) {
	t.Parallel()
	server := start(t, mariadbd.Config{})
	home := filepath.Dir(server.Socket())
	info, err := os.Stat(home)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	require.NoError(t, server.Close())
	assert.NoDirExists(t, home)
}

func TestAdministratorIsNotOnTCP(t *testing.T) {
	t.Parallel()
	server := start(t, mariadbd.Config{})
	assert.NoError(t, connect(t, server.AdminDSN("")).PingContext(t.Context()))
	for _, user := range []string{"root", ""} {
		db := connect(t, fmt.Sprintf("%s@tcp(%s)/", user, server.Addr()))
		assert.ErrorContains(t, db.PingContext(t.Context()), "1130", "user %q", user)
	}
}

func TestStartReportsErrors(t *testing.T) {
	t.Parallel()
	t.Run("an option that does not exist", func(t *testing.T) {
		t.Parallel()
		_, err := mariadbd.Start(t.Context(), mariadbd.Config{Args: []string{"--no-such-option"}})
		assert.ErrorIs(t, err, mariadbd.ErrFailed)
		assert.ErrorContains(t, err, "no-such-option")
	})
	t.Run("a port in use", func(t *testing.T) {
		t.Parallel()
		server := start(t, mariadbd.Config{})
		_, err := mariadbd.Start(t.Context(), mariadbd.Config{Port: server.Port()})
		assert.ErrorIs(t, err, mariadbd.ErrFailed)
		assert.ErrorContains(t, err, "use") // "Address already in use"
	})
	t.Run("a context that has ended", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := mariadbd.Start(ctx, mariadbd.Config{})
		assert.ErrorIs(t, err, context.Canceled)
	})
}

func start(t *testing.T, cfg mariadbd.Config) *mariadbd.Server {
	t.Helper()
	server, err := mariadbd.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return server
}

func connect(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	cfg.Logger = &mysql.NopLogger{} // it would log every server that these tests stop
	connector, err := mysql.NewConnector(cfg)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func run(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}
