package torture

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/servicetest"
)

// durableServer returns a server that keeps acknowledged commits when it is killed. It
// has no binary log, so a commit is visible before it is on disk, and is lost if the
// server is killed in between.
func durableServer() *mariadbd.Config { return &mariadbd.Config{Durable: true} }

// databaseFaults are faults of the database and of the network between it and the
// service.
func databaseFaults() []fault {
	faults := []fault{
		{name: "the database restarts", config: rigConfig{server: durableServer()}, inject: func(ctx context.Context, r *rig) bool {
			return restartDatabase(ctx, r, r.server.Stop)
		}},
		{name: "the database is killed", config: rigConfig{server: durableServer()}, inject: func(ctx context.Context, r *rig) bool {
			return restartDatabase(ctx, r, r.server.Kill)
		}},
		{name: "the database becomes read-only", config: rigConfig{server: durableServer()}, inject: makeReadOnly},
		{name: "the database accepts no more connections", config: rigConfig{server: durableServer()}, inject: exhaustConnections},
		{name: "connections to the database are reset", inject: resetConnections},
		{name: "connections to the database are killed", inject: killConnectionsRepeatedly},
		{name: "the database is slow", inject: delayDatabase},
		{name: "the database responds too late", inject: bufferDatabase},
		{name: "packets of the database are lost", inject: dropDatabase},
		{name: "the response to a commit is lost", inject: func(ctx context.Context, r *rig) bool {
			return interceptStatements(ctx, r, 3, servicetest.Reply{LoseResponse: true}, "COMMIT")
		}},
	}
	for _, e := range []struct {
		name  string
		reply servicetest.Reply
		of    []string
	}{
		{"the disk of the database is full", servicetest.Reply{Number: 1021, Message: "Disk full (/tmp/#sql); waiting for someone to free some space"}, writes},
		{"a table of the database is full", servicetest.Reply{Number: 1114, Message: "The table 'wp_usermeta' is full"}, writes},
		{"commits of the database fail", servicetest.Reply{Number: 1180, Message: "Got error 28 \"No space left on device\" during COMMIT"}, []string{"COMMIT"}},
		{"the database is read-only at times", servicetest.Reply{Number: 1290, Message: "The MariaDB server is running with the --read-only option so it cannot execute this statement"}, append([]string{"COMMIT"}, writes...)},
		{"the database detects deadlocks", servicetest.Reply{Number: 1213, Message: "Deadlock found when trying to get lock; try restarting transaction"}, append([]string{"COMMIT"}, locks...)},
		{"locks of the database time out", servicetest.Reply{Number: 1205, Message: "Lock wait timeout exceeded; try restarting transaction"}, locks},
		{"the database is shutting down", servicetest.Reply{Number: 1053, Message: "Server shutdown in progress", Close: true}, []string{""}},
		{"the database kills connections", servicetest.Reply{Number: 1927, Message: "Connection was killed", Close: true}, []string{""}},
	} {
		faults = append(faults, fault{name: e.name, inject: func(ctx context.Context, r *rig) bool {
			// A rejected event moves its row in the queue.
			defer r.receiver.respondWith(sometimes(r, 4, status(http.StatusInternalServerError)))()
			return interceptStatements(ctx, r, 4, e.reply, e.of...)
		}})
	}
	return append(faults, wordpressFaults()...)
}

// writes and locks are the first words of statements that write, and of those that
// lock. "SELECT m.umeta_id" locks the rows of a viewer.
var (
	writes = []string{"INSERT", "UPDATE", "DELETE"}
	locks  = append([]string{"SELECT", "SELECT m.umeta_id"}, writes...)
)

// cleanupContext returns a context for repairs, which must continue after the run ends.
func cleanupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
}

// checkAdminError fails the run for an error of a statement of an administrator or of
// WordPress. Deadlocks and lock time-outs are normal, and the rig's own server may be
// down because of another fault.
func (r *rig) checkAdminError(err error) {
	var sqlErr *mysql.MySQLError
	switch {
	case err == nil:
	case errors.As(err, &sqlErr) && slices.Contains([]uint16{1205, 1213}, sqlErr.Number):
	case r.server != nil && sqlErr == nil:
	case r.server != nil && slices.Contains([]uint16{1040, 1053, 1927}, sqlErr.Number):
	default:
		r.Errorf("administrator: %v", err)
	}
}

// execWhenPossible repeats a statement of the administrator until the server accepts it.
func (r *rig) execWhenPossible(ctx context.Context, statement string) bool {
	return r.waitUntil(ctx, func() bool {
		_, err := r.db.ExecContext(ctx, statement)
		r.checkAdminError(err)
		return err == nil
	})
}

func restartDatabase(ctx context.Context, r *rig, end func() error) bool {
	r.pause(ctx, 0, 300*time.Millisecond)
	if err := end(); err != nil {
		r.Errorf("stop the server: %v", err)
		return false
	}
	r.pause(ctx, 0, 700*time.Millisecond)
	cleanup, cancel := cleanupContext(ctx)
	defer cancel()
	if err := r.server.Start(cleanup); err != nil && !errors.Is(err, mariadbd.ErrRunning) {
		r.Errorf("start the server: %v", err)
	}
	r.pause(ctx, 500*time.Millisecond, time.Second)
	return true
}

// makeReadOnly simulates a fail-over: the server rejects writes, and some connections
// are closed.
func makeReadOnly(ctx context.Context, r *rig) bool {
	cleanup, cancel := cleanupContext(ctx)
	defer cancel()
	before := r.rejected.Load()
	r.execWhenPossible(cleanup, "SET GLOBAL read_only = 1")
	for range r.random(2) {
		r.killConnections(cleanup, 1)
	}
	r.pause(ctx, 500*time.Millisecond, 2*time.Second)
	r.execWhenPossible(cleanup, "SET GLOBAL read_only = 0")
	return r.rejected.Load() > before
}

// exhaustConnections opens as many connections as the server accepts, and kills those of
// the service.
func exhaustConnections(ctx context.Context, r *rig) bool {
	const least = 10 // the minimum of max_connections
	cleanup, cancel := cleanupContext(ctx)
	defer cancel()
	var conns []*sqlx.Conn
	for range least {
		conn, err := r.db.Connx(cleanup)
		if r.checkAdminError(err); err != nil {
			return false
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	limit := func(n int) {
		_, err := conns[0].ExecContext(cleanup, fmt.Sprint("SET GLOBAL max_connections = ", n))
		r.checkAdminError(err) // a restart resets it
	}
	rejected := func() (n int) {
		err := conns[0].GetContext(cleanup, &n, "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'CONNECTION_ERRORS_MAX_CONNECTIONS'")
		r.checkAdminError(err)
		return n
	}
	before := rejected()
	limit(least)
	defer limit(1000)
	for range 5 {
		for _, id := range r.connections(cleanup, conns[0]) {
			_, _ = conns[0].ExecContext(cleanup, fmt.Sprint("KILL ", id)) // it may be closed already
		}
		r.pause(ctx, 50*time.Millisecond, 300*time.Millisecond)
	}
	return rejected() > before
}

// connections returns the ids of the service's connections.
func (r *rig) connections(ctx context.Context, admin sqlx.QueryerContext) []int64 {
	var ids []int64
	err := sqlx.SelectContext(ctx, admin, &ids, "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND USER <> 'root'", r.base.Name)
	r.checkAdminError(err)
	return ids
}

// killConnections kills each of the service's connections with a probability of 1/share.
func (r *rig) killConnections(ctx context.Context, share int) (killed int) {
	for _, id := range r.connections(ctx, r.db) {
		if r.random(share) > 0 {
			continue
		}
		if _, err := r.db.ExecContext(ctx, fmt.Sprint("KILL ", id)); err == nil { // otherwise it is closed already
			killed++
		}
	}
	return killed
}

func killConnectionsRepeatedly(ctx context.Context, r *rig) bool {
	cleanup, cancel := cleanupContext(ctx)
	defer cancel()
	killed := 0
	for range 10 {
		killed += r.killConnections(cleanup, 2)
		r.pause(ctx, 10*time.Millisecond, 200*time.Millisecond)
	}
	return killed > 0
}

func resetConnections(ctx context.Context, r *rig) bool {
	reset := 0
	for range 15 {
		reset += r.anyReplica().proxy.Reset(func() bool { return r.random(3) == 0 })
		r.pause(ctx, 5*time.Millisecond, 150*time.Millisecond)
	}
	return reset > 0
}

// delayDatabase delays every packet by 100 to 200 ms, less than any time-out.
func delayDatabase(ctx context.Context, r *rig) bool {
	before := r.affectedCount()
	defer r.anyReplica().proxy.Delay(100*time.Millisecond + time.Duration(r.random(100))*time.Millisecond)()
	r.pause(ctx, time.Second, 3*time.Second)
	return r.affectedCount() > before
}

// bufferDatabase holds back all packets, sometimes for longer than the service waits:
// then the server gets a COMMIT after the service has stopped waiting for it.
func bufferDatabase(ctx context.Context, r *rig) bool {
	before := r.affectedCount()
	defer r.anyReplica().proxy.Buffer()()
	r.pause(ctx, 500*time.Millisecond, 1500*time.Millisecond)
	if r.random(3) == 0 {
		r.pause(ctx, 5*time.Second, 5500*time.Millisecond)
	}
	return r.affectedCount() > before
}

// dropDatabase drops all packets. The connections do not recover.
func dropDatabase(ctx context.Context, r *rig) bool {
	before := r.affectedCount()
	defer r.anyReplica().proxy.Drop()()
	r.pause(ctx, 500*time.Millisecond, 2*time.Second)
	return r.affectedCount() > before
}

// interceptStatements replies to statements that begin with one of the words: to the
// first with each word, and then with a probability of 1/share. The rig counts them by
// word.
func interceptStatements(ctx context.Context, r *rig, share int, reply servicetest.Reply, words ...string) bool {
	for _, word := range words {
		r.addMatches(word, 0)
	}
	var replied atomic.Bool
	rule := func(statement string) *servicetest.Reply {
		begun := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !strings.HasPrefix(statement, word) })
		if len(begun) == 0 || !r.isUnmatched(begun) && r.random(share) > 0 {
			return nil
		}
		for _, word := range begun {
			r.addMatches(word, 1)
		}
		replied.Store(true)
		return &reply
	}
	for _, rep := range r.replicas {
		defer rep.proxy.AddRule(rule)()
	}
	r.pause(ctx, time.Second, 2*time.Second)
	return replied.Load()
}
