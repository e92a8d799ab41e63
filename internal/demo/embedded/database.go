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
	ended  chan struct{} // closed when the accept loop has returned
}

// listen starts the engine behind its gate. addr is host:port; port 0 takes a
// free one.
func listen(addr string) (*database, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	content := memory.NewDatabase(databaseName)
	content.EnablePrimaryKeyIndexes()
	provider := memory.NewDBProvider(content)
	engine := sqle.NewDefault(provider)
	if err := claimIsolation(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}

	gate := newGate(memory.NewSessionBuilder(provider))
	srv, err := server.NewServerWithHandler(
		server.Config{Protocol: "tcp", Listener: listener, Version: "8.0.33-embedded"},
		engine, wholeSeconds, gate.newSession, nil,
		func(h mysql.Handler) (mysql.Handler, error) {
			gate.Handler = h
			return gate, nil
		})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the engine: %w", err), listener.Close())
	}
	d := &database{addr: listener.Addr(), server: srv, ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		srv.Listener.Accept()
	}()
	return d, nil
}

// claimIsolation lets the engine report, under both of its names, the isolation
// level that clients ask for. It has none; the gate gives a stronger one.
func claimIsolation() error {
	return sql.SystemVariables.AssignValues(map[string]any{
		"transaction_isolation": "READ-COMMITTED",
		"tx_isolation":          "READ-COMMITTED",
	})
}

// wholeSeconds makes UTC_TIMESTAMP() what it is on every other server: the
// engine would add microseconds.
func wholeSeconds(ctx context.Context, options ...sql.ContextOption) *sql.Context {
	c := sql.NewContext(ctx, options...)
	c.SetQueryTime(c.QueryTime().Truncate(time.Second))
	return c
}

// DSN is in go-sql-driver's form, without parameters.
func (d *database) DSN() string {
	return fmt.Sprintf("root@tcp(%s)/%s", d.addr, databaseName)
}

// Close stops accepting and waits for the accept loop; open connections end
// with their clients.
func (d *database) Close() error {
	err := d.server.Close()
	<-d.ended
	return err
}
