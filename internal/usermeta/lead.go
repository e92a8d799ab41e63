package usermeta

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
)

// The times of leadership. A leader gives up, and its sends are cancelled, at
// most leadCheck + leadPatience after it last heard from the server. The server
// frees the lock of a leader that it has not heard of for leadSilence, but at
// once if it loses the connection: so whoever is granted the lock first waits
// until the one before must have given up.
const (
	connTimeout   = 2 * time.Second
	checkInterval = 250 * time.Millisecond
	checkTimeout  = 750 * time.Millisecond
	takeoverDelay = checkInterval + checkTimeout + 500*time.Millisecond
	retryInterval = 250 * time.Millisecond
)

// standTimeout is how long one may take to ask for the lock: on a slow way to the
// database it takes five round trips more than to look after it.
const campaignTimeout = 3 * time.Second

var (
	errNotLeader = errors.New("usermeta: another replica leads")
	// What a leader has sent could not be settled, and the primary, with a lock of
	// its own, may be another server by now.
	errReadOnly = errors.New("usermeta: the server has become read-only")
)

// Lead blocks until ctx ends. Whenever the database chooses this replica as the
// table's dispatcher it calls term, with a context that ends on any doubt about
// the choice and in any case before another replica can be chosen.
func (o *Outbox) Lead(ctx context.Context, term func(ctx context.Context)) error {
	cfg := o.cfg
	cfg.MaxConnections = 1
	db, err := Open(cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	var last error
	for ctx.Err() == nil {
		err := o.campaign(ctx, db, term)
		if ctx.Err() == nil && !errors.Is(err, errNotLeader) && (last == nil || last.Error() != err.Error()) {
			o.log.WarnContext(ctx, "not the dispatcher", "error", err)
		}
		last = err
		select {
		case <-ctx.Done():
		case <-time.After(retryInterval):
		}
	}
	return ctx.Err()
}

// stand asks for the lock once, on a connection of its own, and serves a term
// if it is granted.
func (o *Outbox) campaign(ctx context.Context, db *sqlx.DB, term func(ctx context.Context)) error {
	asking, cancel := context.WithTimeout(ctx, campaignTimeout)
	defer cancel()
	conn, err := db.Connx(asking)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(asking, "SET SESSION wait_timeout = ?", int(connTimeout/time.Second)); err != nil {
		return err
	}
	var state struct {
		Got      sql.NullInt64
		ReadOnly string `db:"read_only"`
	}
	if err := conn.GetContext(asking, &state, "SELECT GET_LOCK(?, 0) AS got, @@GLOBAL.read_only AS read_only", o.cfg.lockName("dispatch")); err != nil {
		return err
	}
	if state.Got.Int64 != 1 && !isOn(state.ReadOnly) {
		return errNotLeader
	}
	defer closeConn(conn) // frees the lock; or the next one may lead to the primary
	if isOn(state.ReadOnly) {
		return errReadOnly
	}
	over := make(chan struct{})
	defer time.AfterFunc(takeoverDelay, func() { close(over) }).Stop()
	if err := o.monitor(ctx, conn, over); err != nil {
		return err
	}
	if err := o.verifyLock(ctx, conn); err != nil {
		return err
	}
	return o.serve(ctx, conn, term)
}

// serve runs a term for as long as the connection is known to hold the lock.
func (o *Outbox) serve(ctx context.Context, conn *sqlx.Conn, term func(ctx context.Context)) error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		term(ctx)
	}()
	o.log.InfoContext(ctx, "dispatcher: term begins")
	err := o.monitor(ctx, conn, done)
	cancel()
	<-done
	o.log.InfoContext(ctx, "dispatcher: term ends", "reason", err)
	return err
}

// watch returns when it is over, or as soon as it cannot be shown that the lock
// is still held.
func (o *Outbox) monitor(ctx context.Context, conn *sqlx.Conn, done <-chan struct{}) error {
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
		if err := o.verifyLock(ctx, conn); err != nil {
			return err
		}
	}
}

// holds returns nil if the connection is known to hold the lock, on a server that
// takes writes.
func (o *Outbox) verifyLock(ctx context.Context, conn *sqlx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var state struct {
		Mine     sql.NullBool
		ReadOnly string `db:"read_only"`
	}
	if err := conn.GetContext(ctx, &state, "SELECT IS_USED_LOCK(?) = CONNECTION_ID() AS mine, @@GLOBAL.read_only AS read_only", o.cfg.lockName("dispatch")); err != nil {
		return err
	}
	switch {
	case !state.Mine.Bool:
		return errNotLeader
	case isOn(state.ReadOnly):
		return errReadOnly
	}
	return nil
}
