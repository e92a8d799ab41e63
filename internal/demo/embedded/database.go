package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"
)

const databaseName = "wordpress"

// database is a listening engine with one empty database.
type database struct {
	addr   net.Addr
	server *server.Server
	done   chan struct{} // closed when the accept loop has returned
}

// listen starts the engine behind its gate on addr, host:port.
func listen(addr string) (*database, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	memoryDB := memory.NewDatabase(databaseName)
	memoryDB.EnablePrimaryKeyIndexes()
	provider := memory.NewDBProvider(memoryDB)
	engine := sqle.NewDefault(provider)
	if err := reportIsolation(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}

	gate := newGate(memory.NewSessionBuilder(provider))
	srv, err := server.NewServerWithHandler(
		server.Config{Protocol: "tcp", Listener: listener, Version: "8.0.33-embedded"},
		engine, newContext, gate.newSession, nil,
		func(h mysql.Handler) (mysql.Handler, error) {
			gate.Handler = h
			return gate, nil
		})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the engine: %w", err), listener.Close())
	}
	d := &database{addr: listener.Addr(), server: srv, done: make(chan struct{})}
	go func() {
		defer close(d.done)
		srv.Listener.Accept()
	}()
	return d, nil
}

// reportIsolation makes the engine report READ COMMITTED, which clients require.
// The engine isolates nothing; the gate makes transactions serial.
func reportIsolation() error {
	return sql.SystemVariables.AssignValues(map[string]any{
		"transaction_isolation": "READ-COMMITTED",
		"tx_isolation":          "READ-COMMITTED",
	})
}

// newContext truncates the query time, because the engine adds microseconds to
// UTC_TIMESTAMP() and servers do not.
func newContext(ctx context.Context, options ...sql.ContextOption) *sql.Context {
	c := sql.NewContext(ctx, options...)
	c.SetQueryTime(c.QueryTime().Truncate(time.Second))
	return c
}

// DSN returns the DSN in the form of go-sql-driver.
func (d *database) DSN() string {
	return fmt.Sprintf("root@tcp(%s)/%s", d.addr, databaseName)
}

// Close stops accepting connections and waits for the accept loop. Open
// connections end with their clients.
func (d *database) Close() error {
	err := d.server.Close()
	<-d.done
	return err
}
