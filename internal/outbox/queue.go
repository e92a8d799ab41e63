// Package outbox is the queue of committed events in the usermeta table. An event
// is one row of its viewer, inserted by the transaction that changed the session,
// and deleted once the receiver has accepted the event.
//
// A message is due (to be sent at once), deferred (to be tried again later, or
// behind such a message of the same viewer) or dead (not retried unless an
// operator requests it). The meta key of its row says which. The order of a
// viewer's messages is the order of their row ids.
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
// the nickname, which every user has, before the user. A user who is missing
// only from the users table may have been deleted by hand, or the table is
// being restored or belongs to another site; then no event must be lost.
type Queue struct {
	db  *wpdb.DB
	cfg Options
}

// Options configure a Queue. The zero value is usable.
type Options struct {
	LeadMetaKey string              // the user meta key of the lead id; if empty, the WordPress user id is the lead id
	Retried     func(reason string) // called for each statement that is tried again, see wpdb.RetryReason; nil for none
	Logger      *slog.Logger        // nil discards
}

// New returns the queue of a table.
func New(db *wpdb.DB, o Options) *Queue {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Retried == nil {
		o.Retried = func(string) {}
	}
	return &Queue{db, o}
}

const (
	// The collation ignores case; the second condition does not use the index.
	byKey   = " FROM {usermeta} FORCE INDEX (meta_key) WHERE meta_key = ? AND CAST(meta_key AS BINARY) = ?"
	columns = "umeta_id, user_id, COALESCE(meta_key, '') AS meta_key, COALESCE(meta_value, '') AS meta_value"
	// Deletes find their rows through the index that WordPress uses.
	deleteMessage = "DELETE m FROM {usermeta} AS m FORCE INDEX (user_id) WHERE m.user_id = ? AND m.umeta_id "
)

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
	return q.firstPerUser(ctx, "SELECT umeta_id, user_id"+byKey+" LIMIT ?", KeyDue, KeyDue, limit)
}

// DeferredViewers lists all viewers with deferred rows, oldest first. It reads
// all of the rows: for the start of a leader and for rare checks.
func (q *Queue) DeferredViewers(ctx context.Context) ([]Pending, error) {
	const next = "SELECT umeta_id, user_id, SUBSTRING_INDEX(COALESCE(meta_value, ''), '|', -1) AS next_attempt"
	return q.firstPerUser(ctx, next+byKey, KeyDeferred, KeyDeferred)
}

// firstPerUser reads rows and returns the oldest one of each viewer.
func (q *Queue) firstPerUser(ctx context.Context, query string, args ...any) ([]Pending, error) {
	var rows []pendingRow
	if err := q.read(ctx, &rows, query, args...); err != nil {
		return nil, err
	}
	seen := make(map[webinar.UserID]bool, len(rows))
	var pending []Pending
	slices.SortFunc(rows, func(a, b pendingRow) int { return cmp.Compare(a.RowID, b.RowID) })
	for _, r := range rows {
		if seen[r.User] {
			continue
		}
		seen[r.User] = true
		next, _ := parseUnix(r.NextAttempt) // an unreadable row is attempted at once
		pending = append(pending, Pending{User: r.User, RowID: r.RowID, NextAttempt: next})
	}
	return pending, nil
}

// viewerRow is a row of one viewer: of the queue, or of the lead id.
type viewerRow struct {
	wpdb.Row
	UserExists bool `db:"user_exists"`
}

func (q *Queue) viewerRows(ctx context.Context, user webinar.UserID) (rows []viewerRow, err error) {
	err = q.read(ctx, &rows, "SELECT "+columns+`, EXISTS (SELECT 1 FROM {users} u WHERE u.ID = m.user_id)
		OR EXISTS (SELECT 1 FROM {usermeta} n FORCE INDEX (user_id) WHERE n.user_id = m.user_id AND n.meta_key = 'nickname') AS user_exists
		FROM {usermeta} m FORCE INDEX (user_id) WHERE user_id = ? AND meta_key IN (?)`, user, []string{KeyDue, KeyDeferred, q.cfg.LeadMetaKey})
	slices.SortFunc(rows, func(a, b viewerRow) int { return cmp.Compare(a.ID, b.ID) })
	return rows, err
}

// ViewerQueue reads the messages of one viewer.
func (q *Queue) ViewerQueue(ctx context.Context, user webinar.UserID) (ViewerQueue, error) {
	rows, err := q.viewerRows(ctx, user)
	if err != nil {
		return ViewerQueue{}, err
	}
	v := ViewerQueue{UserExists: true, LeadID: q.leadID(user, rows)}
	blocked := false // by a row of an unsupported version, for which the following rows must wait
	for _, r := range rows {
		v.UserExists = r.UserExists
		if !isPending(r.Key) {
			continue
		}
		m, err := decode(r.Row)
		switch {
		case errors.Is(err, errCorrupt):
			r.Key = KeyDead
			v.misplaced = append(v.misplaced, r.Row)
		case err == nil && !blocked:
			v.Messages = append(v.Messages, m)
		default:
			blocked = true
			if r.Key == KeyDue {
				r.Key = KeyDeferred
				v.misplaced = append(v.misplaced, r.Row)
			}
		}
	}
	v.UnsupportedVersion = blocked && len(v.Messages) == 0
	return v, nil
}

// NeedsQuarantine reports whether Quarantine has rows to move.
func (v ViewerQueue) NeedsQuarantine() bool { return len(v.misplaced) > 0 }

// Quarantine moves the rows of a viewer that this build cannot send, so that polls
// do not return them: corrupt rows become dead, and rows of an unsupported version
// are deferred together with all later ones. No row is lost.
func (q *Queue) Quarantine(ctx context.Context, v ViewerQueue) error {
	for _, r := range v.misplaced {
		if _, err := decode(r); errors.Is(err, errCorrupt) {
			q.cfg.Logger.ErrorContext(ctx, "corrupt outbox row moved to dead", "umeta_id", r.ID, "user", r.User)
		} else if err != nil {
			q.cfg.Logger.WarnContext(ctx, "outbox row of an unsupported version blocks the viewer's events", "umeta_id", r.ID, "user", r.User)
		}
		if err := q.move(ctx, []Message{{RowID: r.ID, value: r.Value}}, r.Key); err != nil {
			return err
		}
	}
	return nil
}

// leadID returns the value of the first row of the configured key. Keys are
// compared byte by byte, as WordPress does.
func (q *Queue) leadID(user webinar.UserID, rows []viewerRow) string {
	if q.cfg.LeadMetaKey == "" {
		return strconv.FormatUint(uint64(user), 10)
	}
	for _, r := range rows {
		if r.Key == q.cfg.LeadMetaKey {
			return strings.TrimSpace(r.Value)
		}
	}
	return ""
}

// LeadID reads the lead id of a viewer; empty if there is none.
func (q *Queue) LeadID(ctx context.Context, user webinar.UserID) (lead string, err error) {
	var rows []viewerRow
	if q.cfg.LeadMetaKey != "" {
		rows, err = q.viewerRows(ctx, user)
	}
	return q.leadID(user, rows), err
}

// read reads rows into dest, a slice.
func (q *Queue) read(ctx context.Context, dest any, query string, args ...any) error {
	return wpdb.Select(ctx, q.db, dest, q.db.Expand(query), args...)
}
