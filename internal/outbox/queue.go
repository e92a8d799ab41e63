package outbox

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// Queue reads and settles messages. It is safe for concurrent use.
//
// Statements that read the queue use the meta_key index without ORDER BY: it is a
// prefix index, so sorting would read all of the queue. Statements that settle a
// message are conditional on the value that was read. Those that delete find
// their row through the user_id index, as WordPress does, so that the two cannot
// deadlock.
//
// A user counts as deleted only if missing from both tables: WordPress deletes
// the nickname, which every user has, before the user. One who is missing from
// the users table only was deleted by hand, or the table is being restored or
// belongs to another site; such a mistake must not lose events.
type Queue struct {
	db          *wpdb.DB
	leadMetaKey string
	observer    Observer
	log         *slog.Logger
	sql         statements
}

// Observer receives measurements. It must not block.
type Observer interface {
	// Retried is called for each statement that is tried again; the reason is
	// "deadlock", "lock_wait" or "connection".
	Retried(reason string)
}

// Options configure a Queue. The zero value is usable.
type Options struct {
	LeadMetaKey string       // the user meta key of the lead id; empty: the WordPress user id is the lead id
	Observer    Observer     // nil for none
	Logger      *slog.Logger // nil discards
}

// New returns the queue of a table.
func New(db *wpdb.DB, o Options) *Queue {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Queue{db: db, leadMetaKey: o.LeadMetaKey, observer: o.Observer, log: o.Logger, sql: newStatements(db)}
}

type statements struct {
	due, deferred, viewer, markAttempt, ack, move, discard, drop, lead, count, estimate, oldest string
}

func newStatements(db *wpdb.DB) statements {
	// The collation ignores case; the second condition does not use the index.
	const hasKey = "meta_key = ? AND CAST(meta_key AS BINARY) = ?"
	const columns = "umeta_id, user_id, meta_key, COALESCE(meta_value, '') AS meta_value"
	return statements{
		due:      db.Expand("SELECT umeta_id, user_id FROM {usermeta} FORCE INDEX (meta_key) WHERE " + hasKey + " LIMIT ?"),
		deferred: db.Expand("SELECT umeta_id, user_id, SUBSTRING_INDEX(COALESCE(meta_value, ''), '|', -1) AS next_attempt FROM {usermeta} FORCE INDEX (meta_key) WHERE " + hasKey),
		viewer: db.Expand("SELECT " + columns + `, EXISTS (SELECT 1 FROM {users} u WHERE u.ID = m.user_id)
			OR EXISTS (SELECT 1 FROM {usermeta} n FORCE INDEX (user_id) WHERE n.user_id = m.user_id AND n.meta_key = 'nickname') AS user_exists
			FROM {usermeta} m FORCE INDEX (user_id) WHERE user_id = ? AND meta_key IN (?)`),
		markAttempt: db.Expand("UPDATE {usermeta} SET meta_value = ? WHERE umeta_id = ? AND meta_key IN (?, ?) AND COALESCE(meta_value, '') = ?"),
		ack:         db.Expand("DELETE m FROM {usermeta} AS m FORCE INDEX (user_id) WHERE m.user_id = ? AND m.umeta_id = ? AND COALESCE(m.meta_value, '') = ?"),
		// A row that has the key and value already is not written again.
		move: db.Expand(`UPDATE {usermeta} SET meta_value = CASE WHEN umeta_id = ? THEN ? ELSE meta_value END, meta_key = ?
			WHERE umeta_id IN (?) AND meta_key IN (?) AND (umeta_id <> ? OR COALESCE(meta_value, '') = ?)`),
		discard:  db.Expand("DELETE m FROM {usermeta} AS m FORCE INDEX (user_id) WHERE m.user_id = ? AND m.umeta_id IN (?) AND m.meta_key IN (?)"),
		drop:     db.Expand("DELETE m FROM {usermeta} AS m FORCE INDEX (user_id) WHERE m.user_id = ? AND m.umeta_id = ? AND m.meta_key = ? AND COALESCE(m.meta_value, '') = ?"),
		count:    db.Expand("SELECT COUNT(*), COALESCE(SUM(unsupported), 0) FROM (SELECT COALESCE(meta_value, '') NOT LIKE ? AS unsupported FROM {usermeta} FORCE INDEX (meta_key) WHERE " + hasKey + " LIMIT ?) AS first"),
		estimate: db.Expand("EXPLAIN SELECT umeta_id FROM {usermeta} FORCE INDEX (meta_key) WHERE meta_key = ?"),
		oldest:   db.Expand("SELECT " + columns + " FROM {usermeta} FORCE INDEX (meta_key) WHERE " + hasKey + " AND meta_value LIKE ? LIMIT ?"),
		lead:     db.Expand("SELECT " + columns + " FROM {usermeta} FORCE INDEX (user_id) WHERE user_id = ? AND meta_key = ? ORDER BY umeta_id"),
	}
}

// Pending is a viewer with messages.
type Pending struct {
	User        webinar.UserID
	RowID       uint64    // the lowest row id seen: the older the row, the lower
	NextAttempt time.Time // zero for due rows
}

// pendingRow is the part of a row that the order of viewers depends on.
type pendingRow struct {
	RowID       uint64         `db:"umeta_id"`
	User        webinar.UserID `db:"user_id"`
	NextAttempt string         `db:"next_attempt"` // of deferred rows: Unix seconds
}

// DueViewers lists viewers with due rows, oldest first. It reads at most limit
// rows.
func (q *Queue) DueViewers(ctx context.Context, limit int) ([]Pending, error) {
	var rows []pendingRow
	if err := q.db.SelectContext(ctx, &rows, q.sql.due, KeyDue, KeyDue, limit); err != nil {
		return nil, wpdb.WrapUnavailable(err)
	}
	return firstPerUser(rows), nil
}

// DeferredViewers lists all viewers with deferred rows, oldest first. It reads
// all of the rows: for the start of a leader and for rare checks.
func (q *Queue) DeferredViewers(ctx context.Context) ([]Pending, error) {
	var rows []pendingRow
	if err := q.db.SelectContext(ctx, &rows, q.sql.deferred, KeyDeferred, KeyDeferred); err != nil {
		return nil, wpdb.WrapUnavailable(err)
	}
	return firstPerUser(rows), nil
}

// firstPerUser returns the oldest row of each viewer.
func firstPerUser(rows []pendingRow) []Pending {
	slices.SortFunc(rows, func(a, b pendingRow) int { return cmp.Compare(a.RowID, b.RowID) })
	seen := make(map[webinar.UserID]bool, len(rows))
	var pending []Pending
	for _, r := range rows {
		if seen[r.User] {
			continue
		}
		seen[r.User] = true
		next, _ := parseUnix(r.NextAttempt) // an unreadable row is attempted at once
		pending = append(pending, Pending{User: r.User, RowID: r.RowID, NextAttempt: next})
	}
	return pending
}

// viewerRow is a row of one viewer: of the queue, or of the lead id.
type viewerRow struct {
	wpdb.Row
	UserExists bool `db:"user_exists"`
}

func (q *Queue) viewerRows(ctx context.Context, user webinar.UserID) ([]viewerRow, error) {
	keys := []string{KeyDue, KeyDeferred}
	if q.leadMetaKey != "" {
		keys = append(keys, q.leadMetaKey)
	}
	query, args, err := sqlx.In(q.sql.viewer, user, keys)
	if err != nil {
		return nil, err
	}
	var rows []viewerRow
	if err := q.db.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, wpdb.WrapUnavailable(err)
	}
	slices.SortFunc(rows, func(a, b viewerRow) int { return cmp.Compare(a.ID, b.ID) })
	return rows, nil
}

// ViewerQueue reads the messages of one viewer.
func (q *Queue) ViewerQueue(ctx context.Context, user webinar.UserID) (ViewerQueue, error) {
	rows, err := q.viewerRows(ctx, user)
	if err != nil {
		return ViewerQueue{}, err
	}
	v := ViewerQueue{User: user, UserExists: true}
	all := make([]wpdb.Row, len(rows))
	blocked := false // by a row of an unsupported version: what follows must wait for it
	for i, r := range rows {
		all[i], v.UserExists = r.Row, r.UserExists
		if !isPending(r.Key) {
			continue
		}
		m, err := decode(r.Row)
		switch {
		case errors.Is(err, errCorrupt):
			v.corrupt = append(v.corrupt, r.Row)
			continue
		case err == nil && !blocked:
			v.Messages = append(v.Messages, m)
			continue
		}
		blocked = true
		if r.Key == KeyDue {
			v.unsorted = append(v.unsorted, r.Row)
		}
	}
	v.UnsupportedVersion = blocked && len(v.Messages) == 0
	v.LeadID = q.leadID(user, all)
	return v, nil
}

// NeedsQuarantine reports whether Quarantine has rows to move.
func (v ViewerQueue) NeedsQuarantine() bool { return len(v.corrupt)+len(v.unsorted) > 0 }

// Quarantine moves the rows of a viewer that this build cannot send out of the
// way: values that are corrupt become dead, rows of an unsupported version and those
// behind one are deferred. None of them is lost.
func (q *Queue) Quarantine(ctx context.Context, v ViewerQueue) error {
	for _, r := range v.corrupt {
		q.log.ErrorContext(ctx, "corrupt outbox row moved to dead", "umeta_id", r.ID, "user", r.User)
		if err := q.move(ctx, []Message{{RowID: r.ID, value: r.Value}}, KeyDead); err != nil {
			return err
		}
	}
	for _, r := range v.unsorted {
		if _, err := decode(r); err != nil {
			q.log.WarnContext(ctx, "outbox row of an unsupported version blocks the viewer's events", "umeta_id", r.ID, "user", r.User)
		}
		if err := q.move(ctx, []Message{{RowID: r.ID, value: r.Value}}, KeyDeferred); err != nil {
			return err
		}
	}
	return nil
}

// leadID returns the value of the first row of the configured key. Keys are
// compared byte by byte, as WordPress does.
func (q *Queue) leadID(user webinar.UserID, rows []wpdb.Row) string {
	if q.leadMetaKey == "" {
		return strconv.FormatUint(uint64(user), 10)
	}
	for _, r := range rows {
		if r.Key == q.leadMetaKey {
			return strings.TrimSpace(r.Value)
		}
	}
	return ""
}

// LeadID reads the lead id of a viewer; empty if there is none.
func (q *Queue) LeadID(ctx context.Context, user webinar.UserID) (string, error) {
	var rows []wpdb.Row
	if q.leadMetaKey != "" {
		if err := q.db.SelectContext(ctx, &rows, q.sql.lead, user, q.leadMetaKey); err != nil {
			return "", wpdb.WrapUnavailable(err)
		}
	}
	return q.leadID(user, rows), nil
}
