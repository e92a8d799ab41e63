package usermeta

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
)

// Outbox is the queue of committed events. A message is pending for as long as
// its row exists; its order among the viewer's messages is its row id, whatever
// key it stands under.
//
// Statements that read the queue use the meta_key index without ORDER BY: the
// key is a prefix index, so sorting would read the whole backlog. Statements
// that settle a message are guarded by the value read. Those that delete find
// their row by the user_id index, which holds the primary key as well: WordPress
// locks a user's rows in that order, so neither ends the other's statement by a
// deadlock.
//
// A user is gone who is in neither table: WordPress deletes the nickname, which
// it writes for everybody, before the user. One who is missing in the users table
// only was deleted by hand, or the table is being restored or another site's.
// Their events are sent, because a mistake of that kind must not lose all.
type Outbox struct {
	db      *sqlx.DB
	cfg     Config
	leadKey string
	log     *slog.Logger
	sql     outboxStatements
}

// NewOutbox returns the queue of a table. leadKey is the user meta key that
// holds the lead id; empty: the WordPress user id is the lead id.
func NewOutbox(db *sqlx.DB, cfg Config, leadKey string, log *slog.Logger) *Outbox {
	return &Outbox{db: db, cfg: cfg, leadKey: leadKey, log: log, sql: newOutboxStatements(cfg)}
}

type outboxStatements struct {
	due, waiting, backlog, begin, remove, move, withdraw, drop, lead, count, estimate, oldest string
}

func newOutboxStatements(cfg Config) outboxStatements {
	text := cfg.expandTables
	// The collation ignores case; the second condition does not use the index.
	const exactly = "meta_key = ? AND CAST(meta_key AS BINARY) = ?"
	const columns = "umeta_id, user_id, meta_key, COALESCE(meta_value, '') AS meta_value"
	return outboxStatements{
		due:     text("SELECT umeta_id, user_id FROM {usermeta} FORCE INDEX (meta_key) WHERE " + exactly + " LIMIT ?"),
		waiting: text("SELECT umeta_id, user_id, SUBSTRING_INDEX(COALESCE(meta_value, ''), '|', -1) AS next_attempt FROM {usermeta} FORCE INDEX (meta_key) WHERE " + exactly),
		backlog: text("SELECT " + columns + `, EXISTS (SELECT 1 FROM {users} u WHERE u.ID = m.user_id)
			OR EXISTS (SELECT 1 FROM {usermeta} n FORCE INDEX (user_id) WHERE n.user_id = m.user_id AND n.meta_key = 'nickname') AS user_exists
			FROM {usermeta} m FORCE INDEX (user_id) WHERE user_id = ? AND meta_key IN (?)`),
		begin:  text("UPDATE {usermeta} SET meta_value = ? WHERE umeta_id = ? AND meta_key IN (?, ?) AND COALESCE(meta_value, '') = ?"),
		remove: text("DELETE m FROM {usermeta} AS m FORCE INDEX (user_id) WHERE m.user_id = ? AND m.umeta_id = ? AND COALESCE(m.meta_value, '') = ?"),
		// A row that stands where it should is not written again.
		move: text(`UPDATE {usermeta} SET meta_value = CASE WHEN umeta_id = ? THEN ? ELSE meta_value END, meta_key = ?
			WHERE umeta_id IN (?) AND meta_key IN (?) AND (umeta_id <> ? OR COALESCE(meta_value, '') = ?)`),
		withdraw: text("DELETE m FROM {usermeta} AS m FORCE INDEX (user_id) WHERE m.user_id = ? AND m.umeta_id IN (?) AND m.meta_key IN (?)"),
		drop:     text("DELETE m FROM {usermeta} AS m FORCE INDEX (user_id) WHERE m.user_id = ? AND m.umeta_id = ? AND m.meta_key = ? AND COALESCE(m.meta_value, '') = ?"),
		count:    text("SELECT COUNT(*), COALESCE(SUM(held), 0) FROM (SELECT COALESCE(meta_value, '') NOT LIKE ? AS held FROM {usermeta} FORCE INDEX (meta_key) WHERE " + exactly + " LIMIT ?) AS first"),
		estimate: text("EXPLAIN SELECT umeta_id FROM {usermeta} FORCE INDEX (meta_key) WHERE meta_key = ?"),
		oldest:   text("SELECT " + columns + " FROM {usermeta} FORCE INDEX (meta_key) WHERE " + exactly + " AND meta_value LIKE ? LIMIT ?"),
		lead:     text("SELECT " + columns + " FROM {usermeta} FORCE INDEX (user_id) WHERE user_id = ? AND meta_key = ? ORDER BY umeta_id"),
	}
}

// queued is the little of an outbox row that the order of viewers needs.
type queued struct {
	RowID       uint64         `db:"umeta_id"`
	User        webinar.UserID `db:"user_id"`
	NextAttempt string         `db:"next_attempt"` // of rows that wait: Unix seconds
}

// Due lists viewers with rows under the due key, oldest first, reading at most
// limit rows.
func (o *Outbox) DueViewers(ctx context.Context, limit int) ([]Pending, error) {
	var rows []queued
	if err := o.db.SelectContext(ctx, &rows, o.sql.due, keyOutbox, keyOutbox, limit); err != nil {
		return nil, wrapUnavailable(err)
	}
	return firstPerUser(rows), nil
}

// Waiting lists every viewer with rows under the wait key, oldest first. It
// reads the whole of them: for the start of a term and for rare checks.
func (o *Outbox) DeferredViewers(ctx context.Context) ([]Pending, error) {
	var rows []queued
	if err := o.db.SelectContext(ctx, &rows, o.sql.waiting, keyOutboxDeferred, keyOutboxDeferred); err != nil {
		return nil, wrapUnavailable(err)
	}
	return firstPerUser(rows), nil
}

// heads makes one entry a viewer out of rows: the oldest one.
func firstPerUser(rows []queued) []Pending {
	slices.SortFunc(rows, func(a, b queued) int { return cmp.Compare(a.RowID, b.RowID) })
	seen := make(map[webinar.UserID]bool, len(rows))
	var pending []Pending
	for _, r := range rows {
		if seen[r.User] {
			continue
		}
		seen[r.User] = true
		next, _ := parseUnix(r.NextAttempt) // a row that cannot be read is looked at at once
		pending = append(pending, Pending{User: r.User, RowID: r.RowID, NextAttempt: next})
	}
	return pending
}

// Backlog reads what one viewer has waiting, with what an attempt needs.
func (o *Outbox) ViewerQueue(ctx context.Context, user webinar.UserID) (ViewerQueue, error) {
	rows, err := o.viewerRows(ctx, user)
	if err != nil {
		return ViewerQueue{}, err
	}
	b := ViewerQueue{User: user, UserExists: true}
	all := make([]row, len(rows))
	for i, r := range rows {
		all[i], b.UserExists = r.row, r.UserExists
		if r.Key == keyOutbox || r.Key == keyOutboxDeferred {
			if err := o.add(ctx, &b, r.row); err != nil {
				return ViewerQueue{}, err
			}
		}
	}
	b.LeadID = o.leadID(user, all)
	return b, nil
}

// leadID is the value of the lowest row of the configured key, as WordPress
// reads it: another case of letters is another key.
func (o *Outbox) leadID(user webinar.UserID, rows []row) string {
	if o.leadKey == "" {
		return strconv.FormatUint(uint64(user), 10)
	}
	for _, r := range rows {
		if r.Key == o.leadKey {
			return strings.TrimSpace(r.Value)
		}
	}
	return ""
}

// backlogRow is a row of the queue, or of the lead id, of one viewer.
type backlogRow struct {
	row
	UserExists bool `db:"user_exists"`
}

func (o *Outbox) viewerRows(ctx context.Context, user webinar.UserID) ([]backlogRow, error) {
	keys := []string{keyOutbox, keyOutboxDeferred}
	if o.leadKey != "" {
		keys = append(keys, o.leadKey)
	}
	query, args, err := sqlx.In(o.sql.backlog, user, keys)
	if err != nil {
		return nil, err
	}
	var rows []backlogRow
	if err := o.db.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, wrapUnavailable(err)
	}
	slices.SortFunc(rows, func(a, b backlogRow) int { return cmp.Compare(a.ID, b.ID) })
	return rows, nil
}

// add puts a row into a backlog. One that is no outbox value at all goes to the
// dead key: it blocks nobody and is not lost. One of another version holds what
// comes after it, until a build that can read it leads: both wait out of the way.
func (o *Outbox) add(ctx context.Context, b *ViewerQueue, r row) error {
	m, err := decodeMessage(r)
	switch {
	case errors.Is(err, errDamagedMessage):
		o.log.ErrorContext(ctx, "outbox row cannot be read and is set aside as dead", "umeta_id", r.ID, "user", r.User, "error", err)
		return o.DeadLetter(ctx, Message{RowID: r.ID, value: r.Value})
	case err == nil && !b.blocked:
		b.Messages = append(b.Messages, m)
		return nil
	case err != nil && r.Key == keyOutbox:
		o.log.WarnContext(ctx, "outbox row of an unknown version holds the viewer's events", "umeta_id", r.ID, "user", r.User)
	}
	b.blocked = true
	b.UnsupportedVersion = len(b.Messages) == 0
	if r.Key == keyOutboxDeferred {
		return nil
	}
	return o.move(ctx, []Message{{RowID: r.ID, value: r.Value}}, keyOutboxDeferred)
}

// Begin writes the time of a message's first attempt into its row before anything
// is sent. A server without a binary log shows a commit to others before it is on
// disk, and a crash in that moment takes it back. What is committed after it is on
// disk after it, so that a row for which Begin has returned true will not be
// forgotten. False: the row is gone, or not as it was.
//
// A time that is there already, of an attempt that was cut off, proves nothing: it
// may itself have been seen too soon. Only a count of attempts does.
func (o *Outbox) MarkAttempt(ctx context.Context, m *Message, now time.Time) (bool, error) {
	if m.Attempts > 0 {
		return true, nil
	}
	begun := *m
	begun.FirstAttempt = now.UTC()
	if begun.value = encodeMessage(begun); begun.value == m.value {
		begun.FirstAttempt = begun.FirstAttempt.Add(time.Second) // a server does not write what is as it was
		begun.value = encodeMessage(begun)
	}
	n, err := o.execAffected(ctx, o.sql.begin, begun.value, m.RowID, keyOutbox, keyOutboxDeferred, m.value)
	if err != nil || n == 0 {
		return false, err
	}
	*m = begun
	return true, nil
}

// Accept deletes the row of an accepted message. A row that is gone, or that
// somebody changed meanwhile, is no error.
func (o *Outbox) Ack(ctx context.Context, m Message) error {
	return o.exec(ctx, o.sql.remove, m.Event.User, m.RowID, m.value)
}

// Postpone writes the new counts of the head, b.Messages[0], and moves all rows
// of the viewer to the wait key, in one statement.
func (o *Outbox) Reschedule(ctx context.Context, b ViewerQueue) error {
	if len(b.Messages) == 0 {
		return nil
	}
	return o.move(ctx, b.Messages, keyOutboxDeferred)
}

// Bury moves a message to the dead key with its final counts.
func (o *Outbox) DeadLetter(ctx context.Context, m Message) error {
	return o.move(ctx, []Message{m}, keyOutboxDead)
}

// move renames the rows of messages, the first of which gets its new counts. If
// that row was changed by somebody else meanwhile, it is left alone.
func (o *Outbox) move(ctx context.Context, messages []Message, key string) error {
	head := messages[0]
	value := head.value
	if head.Event.Type != "" {
		value = encodeMessage(head)
	}
	ids := make([]uint64, len(messages))
	for i, m := range messages {
		ids[i] = m.RowID
	}
	query, args, err := sqlx.In(o.sql.move, head.RowID, value, key, ids, []string{keyOutbox, keyOutboxDeferred}, head.RowID, head.value)
	if err != nil {
		return err
	}
	return o.exec(ctx, query, args...)
}

// Withdraw deletes the waiting events of a user who is gone and says how many.
func (o *Outbox) DiscardDeletedUser(ctx context.Context, user webinar.UserID) (int, error) {
	rows, err := o.viewerRows(ctx, user)
	if err != nil {
		return 0, err
	}
	var ids []uint64
	for _, r := range rows {
		if !r.UserExists && (r.Key == keyOutbox || r.Key == keyOutboxDeferred) {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	query, args, err := sqlx.In(o.sql.withdraw, user, ids, []string{keyOutbox, keyOutboxDeferred})
	if err != nil {
		return 0, err
	}
	return len(ids), o.exec(ctx, query, args...)
}

// LeadID reads the lead id of a viewer; empty if there is none.
func (o *Outbox) LeadID(ctx context.Context, user webinar.UserID) (string, error) {
	var rows []row
	if o.leadKey != "" {
		if err := o.db.SelectContext(ctx, &rows, o.sql.lead, user, o.leadKey); err != nil {
			return "", wrapUnavailable(err)
		}
	}
	return o.leadID(user, rows), nil
}

// exec runs a statement that settles messages.
func (o *Outbox) exec(ctx context.Context, query string, args ...any) error {
	_, err := o.execAffected(ctx, query, args...)
	return err
}

// execCounted is exec that tells how many rows there were.
func (o *Outbox) execAffected(ctx context.Context, query string, args ...any) (int, error) {
	return o.withRetry(ctx, func() (int, error) {
		result, err := o.db.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		return int(n), err
	})
}

// repeated tries again where WordPress or a viewer's change happened to lock the
// same rows, or the connection broke.
func (o *Outbox) withRetry(ctx context.Context, try func() (int, error)) (int, error) {
	for attempt := 1; ; attempt++ {
		n, err := try()
		if err == nil {
			return n, nil
		}
		if !isRetryable(err) || attempt == changeAttempts || ctx.Err() != nil {
			return 0, wrapUnavailable(err)
		}
		o.cfg.observer().Retried(retryReason(err))
		time.Sleep(time.Duration(attempt) * 5 * time.Millisecond)
	}
}
