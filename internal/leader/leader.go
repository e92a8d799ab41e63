// Package leader elects one of the replicas of a site through a named lock of the
// database.
package leader

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/failpoint"
	"autowebinar/internal/wpdb"
)

// A leader stops, and its work is canceled, at most checkInterval + checkTimeout
// after it last heard from the server. The server releases the lock of a leader
// that it has not heard from for connTimeout, but at once if the connection
// breaks. A new leader therefore waits takeoverDelay, by which time the old one
// has stopped.
const (
	connTimeout   = 2 * time.Second
	checkInterval = 250 * time.Millisecond
	checkTimeout  = 750 * time.Millisecond
	takeoverDelay = checkInterval + checkTimeout + 500*time.Millisecond
	retryInterval = 250 * time.Millisecond
)

// campaignTimeout bounds one attempt to get the lock: it takes five round trips
// more than a check, to a database that may be distant.
const campaignTimeout = 3 * time.Second

// purpose is the name of the lock. Replicas of all versions share it.
const purpose = "dispatch"

var (
	errNotLeader = errors.New("leader: another replica leads")
	// A read-only server may have been demoted: the primary, with locks of its
	// own, may be another server by now.
	errReadOnly = errors.New("leader: the server is read-only")
)

// Elector takes part in the election for one replica.
type Elector struct {
	cfg wpdb.Config
	log *slog.Logger
}

// New returns an elector that opens a connection of its own to the database.
func New(cfg wpdb.Config, log *slog.Logger) *Elector {
	cfg.MaxConnections = 1
	return &Elector{cfg: cfg, log: log}
}

// Run blocks until ctx ends. Whenever this replica becomes the leader it calls
// lead, with a context that ends on any doubt about the leadership, and in any
// case before another replica can become the leader.
func (e *Elector) Run(ctx context.Context, lead func(ctx context.Context)) error {
	db, err := wpdb.Open(e.cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	var last error
	for ctx.Err() == nil {
		err := e.campaign(ctx, db, lead)
		if ctx.Err() == nil && !errors.Is(err, errNotLeader) && (last == nil || last.Error() != err.Error()) {
			e.log.WarnContext(ctx, "leadership attempt failed", "error", err)
		}
		last = err
		if failpoint.Enabled(failpoint.LeadOnce) && !errors.Is(err, errNotLeader) {
			<-ctx.Done()
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryInterval):
		}
	}
	return ctx.Err()
}

// campaign tries to get the lock once, on a connection of its own, and leads if
// the lock is granted.
func (e *Elector) campaign(ctx context.Context, db *wpdb.DB, lead func(ctx context.Context)) error {
	attempt, cancel := context.WithTimeout(ctx, campaignTimeout)
	defer cancel()
	conn, err := db.Connx(attempt)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(attempt, "SET SESSION wait_timeout = ?", int(connTimeout/time.Second)); err != nil {
		return err
	}
	var state struct {
		Granted  sql.NullInt64
		ReadOnly string `db:"read_only"`
	}
	name := db.LockName(purpose)
	if err := conn.GetContext(attempt, &state, "SELECT GET_LOCK(?, 0) AS granted, @@GLOBAL.read_only AS read_only", name); err != nil {
		return err
	}
	if state.Granted.Int64 != 1 && !wpdb.IsOn(state.ReadOnly) && !failpoint.Enabled(failpoint.LeadWithoutLock) {
		return errNotLeader
	}
	defer wpdb.CloseConn(conn) // releases the lock, and lets the next attempt connect to a new primary
	if wpdb.IsOn(state.ReadOnly) {
		return errReadOnly
	}
	takeover := make(chan struct{})
	defer time.AfterFunc(takeoverDelay, func() { close(takeover) }).Stop()
	if err := monitor(ctx, conn, name, takeover); err != nil {
		return err
	}
	if err := verifyLock(ctx, conn, name); err != nil {
		return err
	}
	return e.lead(ctx, conn, name, lead)
}

// lead runs the leader's work for as long as the connection is known to hold the
// lock.
func (e *Elector) lead(ctx context.Context, conn *sqlx.Conn, name string, lead func(ctx context.Context)) error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		lead(ctx)
	}()
	e.log.InfoContext(ctx, "leadership acquired")
	err := monitor(ctx, conn, name, done)
	cancel()
	<-done
	e.log.InfoContext(ctx, "leadership lost", "reason", err)
	return err
}

// monitor returns nil when done is closed, or an error as soon as the lock cannot
// be verified.
func monitor(ctx context.Context, conn *sqlx.Conn, name string, done <-chan struct{}) error {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
			return nil
		case <-ticker.C:
		}
		if err := verifyLock(ctx, conn, name); err != nil {
			return err
		}
	}
}

// verifyLock returns nil if the connection is known to hold the lock, on a server
// that takes writes.
func verifyLock(ctx context.Context, conn *sqlx.Conn, name string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var state struct {
		Mine     sql.NullBool
		ReadOnly string `db:"read_only"`
	}
	if err := conn.GetContext(ctx, &state, "SELECT IS_USED_LOCK(?) = CONNECTION_ID() AS mine, @@GLOBAL.read_only AS read_only", name); err != nil {
		return err
	}
	switch {
	case !state.Mine.Bool && !failpoint.Enabled(failpoint.LeadWithoutLock):
		return errNotLeader
	case wpdb.IsOn(state.ReadOnly):
		return errReadOnly
	}
	return nil
}

// Exists reports whether some replica leads now.
func Exists(ctx context.Context, db *wpdb.DB) (bool, error) {
	var connection sql.Null[uint64]
	if err := db.GetContext(ctx, &connection, "SELECT IS_USED_LOCK(?)", db.LockName(purpose)); err != nil {
		return false, wpdb.WrapUnavailable(err)
	}
	return connection.Valid, nil
}
