package usermeta

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Census is what the outbox of the whole site holds at a time.
type OutboxStats struct {
	Due, Waiting, Dead int       // events: to be sent at once, tried or held up, given up
	Estimated          bool      // some of these are beyond exactCount, and the server's guess
	UnsupportedVersion int       // of the due and waiting ones: not of this version; counted as far as exactCount
	Oldest             time.Time // when the first readable one of the due and waiting ones happened; zero: there is none
	Leader             uint64    // the database connection of the replica that sends; 0: none
}

const (
	maxExactCount    = 50_000 // up to where events are counted: to count a million of them takes seconds
	oldestSampleRows = 16     // rows looked at for the oldest event: some may be damaged
)

// Census counts the outbox. Its cost grows with the outbox up to exactCount rows
// of each kind, some 100 ms, and not with the table.
func (o *Outbox) Stats(ctx context.Context) (OutboxStats, error) {
	var c OutboxStats
	for _, queue := range []struct {
		key   string
		count *int
	}{{keyOutbox, &c.Due}, {keyOutboxDeferred, &c.Waiting}, {keyOutboxDead, &c.Dead}} {
		held, err := o.count(ctx, queue.key, queue.count)
		if err != nil {
			return OutboxStats{}, wrapUnavailable(err)
		}
		c.Estimated = c.Estimated || *queue.count > maxExactCount
		if queue.key == keyOutboxDead {
			continue
		}
		c.UnsupportedVersion += held
		if held == min(*queue.count, maxExactCount+1) {
			continue // or all of many would be read in vain
		}
		if err := o.oldest(ctx, queue.key, &c.Oldest); err != nil {
			return OutboxStats{}, wrapUnavailable(err)
		}
	}
	var leader sql.Null[uint64]
	if err := o.db.GetContext(ctx, &leader, "SELECT IS_USED_LOCK(?)", o.cfg.lockName("dispatch")); err != nil {
		return OutboxStats{}, wrapUnavailable(err)
	}
	c.Leader = leader.V
	return c, nil
}

// count counts the rows of a key, and those of them that are not of this version.
func (o *Outbox) count(ctx context.Context, key string, n *int) (held int, err error) {
	if err := o.db.QueryRowContext(ctx, o.sql.count, messageVersion+"|%", key, key, maxExactCount+1).Scan(n, &held); err != nil {
		return 0, err
	}
	if *n <= maxExactCount {
		return held, nil
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
	return held, nil
}

// oldest makes at the time of the first event of a key that can be read, if that
// is earlier.
func (o *Outbox) oldest(ctx context.Context, key string, at *time.Time) error {
	var rows []row
	if err := o.db.SelectContext(ctx, &rows, o.sql.oldest, key, key, messageVersion+"|%", oldestSampleRows); err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.ID, b.ID) })
	for _, r := range rows {
		m, err := decodeMessage(r)
		if err != nil {
			continue
		}
		if at.IsZero() || m.Event.At.Before(*at) {
			*at = m.Event.At
		}
		return nil
	}
	return nil
}
