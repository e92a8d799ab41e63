package main

import (
	"context"
	"sync"

	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"
	"github.com/dolthub/vitess/go/sqltypes"
	querypb "github.com/dolthub/vitess/go/vt/proto/query"
)

// gate admits one connection at a time to the engine: for one statement, or for a
// transaction until COMMIT, ROLLBACK or the end of the connection.
//
// A session of the engine copies every table that it reads or writes, and a
// commit replaces the whole tables: of two concurrent transactions the first one's
// writes would be lost without an error.
type gate struct {
	mysql.Handler
	build server.SessionBuilder
	token chan struct{} // contains a value while a connection is admitted

	mu    sync.Mutex
	conns map[uint32]*gateConn
}

// gateConn is only used by the goroutine of its connection.
type gateConn struct {
	session  sql.Session
	admitted bool
}

func newGate(build server.SessionBuilder) *gate {
	return &gate{build: build, token: make(chan struct{}, 1), conns: make(map[uint32]*gateConn)}
}

// conn returns the record of c and creates it on the first call.
func (g *gate) conn(c *mysql.Conn) *gateConn {
	g.mu.Lock()
	defer g.mu.Unlock()
	gc, ok := g.conns[c.ConnectionID]
	if !ok {
		gc = &gateConn{}
		g.conns[c.ConnectionID] = gc
	}
	return gc
}

// newSession builds a session and stores it, because only the session can report
// whether a transaction is open.
func (g *gate) newSession(ctx context.Context, c *mysql.Conn, addr string) (sql.Session, error) {
	session, err := g.build(ctx, c, addr)
	if err == nil {
		g.conn(c).session = session
	}
	return session, err
}

func (g *gate) enter(ctx context.Context, c *mysql.Conn) (*gateConn, error) {
	gc := g.conn(c)
	if gc.admitted {
		return gc, nil
	}
	select {
	case g.token <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	gc.admitted = true
	if gc.session != nil {
		gc.session.SetTransaction(nil) // a failed statement may have left copies of tables
	}
	return gc, nil
}

// leave opens the gate unless gc is in a transaction.
func (g *gate) leave(gc *gateConn) {
	if s := gc.session; s != nil && s.GetTransaction() != nil && s.GetIgnoreAutoCommit() {
		return
	}
	g.release(gc)
}

func (g *gate) release(gc *gateConn) {
	if gc.admitted {
		gc.admitted = false
		<-g.token
	}
}

// do runs a statement once its connection is admitted, or at once if it uses no
// table: a connection that waits for a named lock must not block the lock's owner.
func (g *gate) do(ctx context.Context, c *mysql.Conn, query string, run func() error) error {
	if usesNoTable(query) {
		return run()
	}
	gc, err := g.enter(ctx, c)
	if err != nil {
		return err
	}
	defer g.leave(gc)
	return run()
}

func (g *gate) ComQuery(ctx context.Context, c *mysql.Conn, query string, result mysql.ResultSpoolFn) error {
	query = translate(query)
	return g.do(ctx, c, query, func() error {
		if expression, ok := doExpression(query); ok {
			return g.evaluate(ctx, c, expression, result)
		}
		err := g.Handler.ComQuery(ctx, c, query, result)
		if singles, ok := assignments(query); ok && err != nil {
			return g.setEach(ctx, c, singles, result)
		}
		return err
	})
}

func (g *gate) ComMultiQuery(ctx context.Context, c *mysql.Conn, query string, result mysql.ResultSpoolFn) (rest string, err error) {
	err = g.do(ctx, c, query, func() error {
		rest, err = g.Handler.ComMultiQuery(ctx, c, query, result)
		return err
	})
	return rest, err
}

func (g *gate) ComPrepare(ctx context.Context, c *mysql.Conn, query string, p *mysql.PrepareData) (fields []*querypb.Field, err error) {
	err = g.do(ctx, c, query, func() error {
		fields, err = g.Handler.ComPrepare(ctx, c, query, p)
		return err
	})
	return fields, err
}

func (g *gate) ComStmtExecute(ctx context.Context, c *mysql.Conn, p *mysql.PrepareData, result func(*sqltypes.Result) error) error {
	return g.do(ctx, c, p.PrepareStmt, func() error {
		return g.Handler.ComStmtExecute(ctx, c, p, result)
	})
}

// ConnectionClosed is called on the goroutine of the connection, as the last
// method for c.
func (g *gate) ConnectionClosed(c *mysql.Conn) {
	g.Handler.ConnectionClosed(c)
	g.release(g.conn(c))
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c.ConnectionID)
}
