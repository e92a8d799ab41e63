package usermeta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Census is what the outbox of the whole site holds at a time.
type Census struct {
	Due, Waiting, Dead int       // events: to be sent at once, tried or held up, given up
	Estimated          bool      // some of these are beyond exactCount, and the server's guess
	Oldest             time.Time // when the first of the due and waiting ones happened; zero: there is none
	Leader             uint64    // the database connection of the replica that sends; 0: none
}

// exactCount is up to where events are counted: to count a million of them
// takes seconds.
const exactCount = 50_000

// Census counts the outbox. Its cost grows with the outbox up to exactCount rows
// of each kind, some 50 ms, and not with the table.
func (o *Outbox) Census(ctx context.Context) (Census, error) {
	var c Census
	var first uint64
	for _, queue := range []struct {
		key   string
		count *int
	}{{keyOutbox, &c.Due}, {keyOutboxWait, &c.Waiting}, {keyOutboxDead, &c.Dead}} {
		lowest, err := o.count(ctx, queue.key, queue.count)
		if err != nil {
			return Census{}, classify(err)
		}
		c.Estimated = c.Estimated || *queue.count > exactCount
		if queue.key != keyOutboxDead && lowest != 0 && (first == 0 || lowest < first) {
			first = lowest
		}
	}
	var err error
	if c.Oldest, err = o.happened(ctx, first); err != nil {
		return Census{}, classify(err)
	}
	var leader sql.Null[uint64]
	if err := o.db.GetContext(ctx, &leader, "SELECT IS_USED_LOCK(?)", o.cfg.lockName("dispatch")); err != nil {
		return Census{}, classify(err)
	}
	c.Leader = leader.V
	return c, nil
}

// count counts the rows of a key and finds the lowest; 0: there is none.
func (o *Outbox) count(ctx context.Context, key string, n *int) (lowest uint64, err error) {
	var first sql.Null[uint64]
	if err := o.db.QueryRowContext(ctx, o.sql.count, key, key, exactCount+1).Scan(n, &first); err != nil {
		return 0, err
	}
	if *n <= exactCount {
		return first.V, nil
	}
	plan := map[string]any{}
	if err := o.db.QueryRowxContext(ctx, o.sql.estimate, key).MapScan(plan); err != nil {
		return 0, err
	}
	// A number or its text: servers differ in the type of the column.
	text := fmt.Sprint(plan["rows"])
	if raw, ok := plan["rows"].([]byte); ok {
		text = string(raw)
	}
	if guess, err := strconv.Atoi(text); err == nil {
		*n = max(*n, guess)
	}
	return first.V, nil
}

// happened is the time of the event in a row; zero if the row is gone or cannot
// be read.
func (o *Outbox) happened(ctx context.Context, id uint64) (time.Time, error) {
	var r row
	err := o.db.GetContext(ctx, &r, o.sql.one, id)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	m, err := decodeMessage(r)
	if err != nil {
		return time.Time{}, nil
	}
	return m.Event.At, nil
}
