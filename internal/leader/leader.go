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
// after the last response of the server. The server releases the lock of a
// leader that is silent for connTimeout, but at once if the connection breaks. A
// new leader therefore waits takeoverDelay, by which time the old one has
// stopped.
const (
	connTimeout   = 2 * time.Second
	checkInterval = 250 * time.Millisecond
	checkTimeout  = 750 * time.Millisecond
	takeoverDelay = checkInterval + checkTimeout + 500*time.Millisecond
	retryInterval = 250 * time.Millisecond
)

// campaignTimeout bounds one attempt to get the lock, which takes five round
// trips more than a check, to a database that may be distant.
const campaignTimeout = 3 * time.Second

// purpose is the name of the lock. Replicas of all versions share it.
const purpose = "dispatch"

var (
	errNotLeader = errors.New("leader: another replica leads")
	// A read-only server may have been demoted: another server, with separate
	// locks, may be the primary by now.
	errReadOnly = errors.New("leader: the server is read-only")
)

// candidate is one replica in the election.
type candidate struct {
	db   *wpdb.DB
	log  *slog.Logger
	lead func(ctx context.Context)
}

// Run takes part in the election, on its own connection, until ctx ends. Whenever
// this replica becomes the leader it calls lead, with a context that ends as soon
// as the leadership is in doubt, and always before another replica can become the
// leader.
func Run(ctx context.Context, cfg wpdb.Config, log *slog.Logger, lead func(ctx context.Context)) error {
	cfg.MaxConnections = 1
	db, err := wpdb.Open(cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	c := candidate{db, log, lead}
	var last error
	for ctx.Err() == nil {
		err := c.campaign(ctx)
		if ctx.Err() == nil && err != nil && !errors.Is(err, errNotLeader) && (last == nil || last.Error() != err.Error()) {
			log.WarnContext(ctx, "leadership attempt failed", "error", err)
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

// campaign tries to get the lock once. If the server grants the lock, campaign
// calls lead for as long as the connection owns the lock.
func (c candidate) campaign(ctx context.Context) error {
	attempt, cancel := context.WithTimeout(ctx, campaignTimeout)
	defer cancel()
	conn, err := c.db.Connx(attempt)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(attempt, "SET SESSION wait_timeout = ?", int(connTimeout/time.Second)); err != nil {
		return err
	}
	name := c.db.LockName(purpose)
	err = verifyLock(attempt, conn, acquiresLock, name)
	if errors.Is(err, errNotLeader) {
		return err
	}
	defer wpdb.CloseConn(conn) // releases the lock, and lets the next attempt connect to a new primary
	if err != nil {
		return err
	}
	takeover := make(chan struct{})
	defer time.AfterFunc(takeoverDelay, func() { close(takeover) }).Stop()
	if err := monitor(ctx, conn, name, takeover); err != nil {
		return err
	}
	if err := verifyLock(ctx, conn, ownsLock, name); err != nil {
		return err
	}
	ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.lead(ctx)
	}()
	c.log.InfoContext(ctx, "leadership acquired")
	err = monitor(ctx, conn, name, done)
	cancel()
	<-done
	c.log.InfoContext(ctx, "leadership lost", "reason", err)
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
		if err := verifyLock(ctx, conn, ownsLock, name); err != nil {
			return err
		}
	}
}

// The conditions that verifyLock checks.
const (
	acquiresLock = "GET_LOCK(?, 0) = 1"
	ownsLock     = "IS_USED_LOCK(?) = CONNECTION_ID()"
)

// verifyLock returns errReadOnly if the server rejects writes, errNotLeader if
// the condition is false, and nil otherwise.
func verifyLock(ctx context.Context, conn *sqlx.Conn, condition, name string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var state struct {
		Locked   sql.NullBool
		ReadOnly string `db:"read_only"`
	}
	if err := conn.GetContext(ctx, &state, "SELECT "+condition+" AS locked, @@GLOBAL.read_only AS read_only", name); err != nil {
		return err
	}
	switch {
	case wpdb.IsOn(state.ReadOnly):
		return errReadOnly
	case !state.Locked.Bool && !failpoint.Enabled(failpoint.LeadWithoutLock):
		return errNotLeader
	}
	return nil
}

// Exists reports whether any replica is the leader.
func Exists(ctx context.Context, db *wpdb.DB) (bool, error) {
	var connection sql.Null[uint64]
	if err := db.GetContext(ctx, &connection, "SELECT IS_USED_LOCK(?)", db.LockName(purpose)); err != nil {
		return false, wpdb.WrapUnavailable(err)
	}
	return connection.Valid, nil
}
