package usermeta

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
)

// Place is where in the queue a row stands: under which of the three keys.
type Status string

// The three places. A row that waits is tried again by itself, a dead one never.
const (
	StatusDue      Status = "due"
	StatusDeferred Status = "waiting"
	StatusDead     Status = "dead"
)

// Places are all of them, in the order of an event's life.
func Statuses() []Status { return []Status{StatusDue, StatusDeferred, StatusDead} }

func (p Status) key() string {
	switch p {
	case StatusDeferred:
		return keyOutboxDeferred
	case StatusDead:
		return keyOutboxDead
	}
	return keyOutbox
}

func statusOf(key string) Status {
	switch key {
	case keyOutboxDeferred:
		return StatusDeferred
	case keyOutboxDead:
		return StatusDead
	}
	return StatusDue
}

// Reading says whether this build can make sense of a row.
type Format string

// What a row can be. A row of another version is another build's to decide on:
// it is shown, and never changed.
const (
	FormatOK          Format = "readable"
	FormatUnsupported Format = "other version"
	FormatCorrupt     Format = "damaged"
)

// Entry is one outbox row as an operator sees it.
type OutboxRow struct {
	RowID   uint64
	User    webinar.UserID
	Status  Status
	Format  Format
	Message Message // the zero Message unless Readable
	Value   string  // as stored
}

func newOutboxRow(r row) OutboxRow {
	e := OutboxRow{RowID: r.ID, User: r.User, Status: statusOf(r.Key), Format: FormatOK, Value: r.Value}
	m, err := decodeMessage(r)
	switch {
	case err == nil:
		e.Message = m
	case errors.Is(err, errUnknownVersion):
		e.Format = FormatUnsupported
	default:
		e.Format = FormatCorrupt
	}
	return e
}

// byRow is the order in which a viewer's events happened.
func compareRowID(a, b OutboxRow) int { return cmp.Compare(a.RowID, b.RowID) }

// Selection says which rows are meant. A zero field excludes none.
type Filter struct {
	User     webinar.UserID
	Statuses []Status
	RowIDs   []uint64

	Type      webinar.EventType // only readable rows have one
	EventID   uuid.UUID
	OlderThan time.Time // the event happened before; only readable rows have a time
}

func (s Filter) statuses() []Status {
	if len(s.Statuses) == 0 {
		return Statuses()
	}
	return s.Statuses
}

func (s Filter) Match(e OutboxRow) bool {
	m := e.Message
	switch {
	case s.User != 0 && e.User != s.User,
		!slices.Contains(s.statuses(), e.Status),
		len(s.RowIDs) > 0 && !slices.Contains(s.RowIDs, e.RowID),
		s.Type != "" && m.Event.Type != s.Type,
		s.EventID != uuid.Nil && m.Event.ID != s.EventID,
		!s.OlderThan.IsZero() && (m.Event.At.IsZero() || !m.Event.At.Before(s.OlderThan)):
		return false
	}
	return true
}

// entryPage is how many rows are read, or changed, by one statement.
const entryPage = 200

// Entries yields the selected rows in pages, oldest first. No statement sorts
// the backlog or locks a row: one reads the ids of the rows from the index, 8
// bytes each, and the rows are then read by primary key. Rows that leave the
// queue meanwhile are left out, new ones are not seen. An error ends it.
func (o *Outbox) Rows(ctx context.Context, s Filter) iter.Seq2[[]OutboxRow, error] {
	return func(yield func([]OutboxRow, error) bool) {
		ids, err := o.entryIDs(ctx, s)
		if err != nil {
			yield(nil, wrapUnavailable(err))
			return
		}
		for page := range slices.Chunk(ids, entryPage) {
			entries, err := o.entriesByID(ctx, page)
			if err != nil {
				yield(nil, wrapUnavailable(err))
				return
			}
			entries = slices.DeleteFunc(entries, func(e OutboxRow) bool { return !s.Match(e) })
			if len(entries) > 0 && !yield(entries, nil) {
				return
			}
		}
	}
}

func (o *Outbox) entryIDs(ctx context.Context, s Filter) ([]uint64, error) {
	var ids []uint64
	switch {
	case len(s.RowIDs) > 0:
		ids = slices.Clone(s.RowIDs)
	case s.User != 0:
		query := o.cfg.expandTables("SELECT umeta_id FROM {usermeta} FORCE INDEX (user_id) WHERE user_id = ? AND meta_key IN (?, ?, ?)")
		if err := o.db.SelectContext(ctx, &ids, query, uint64(s.User), keyOutbox, keyOutboxDeferred, keyOutboxDead); err != nil {
			return nil, err
		}
	default:
		query := o.cfg.expandTables("SELECT umeta_id FROM {usermeta} FORCE INDEX (meta_key) WHERE meta_key = ? AND CAST(meta_key AS BINARY) = ?")
		for _, place := range s.statuses() {
			var found []uint64
			if err := o.db.SelectContext(ctx, &found, query, place.key(), place.key()); err != nil {
				return nil, err
			}
			ids = append(ids, found...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil // a row may have changed its place in between
}

func (o *Outbox) entriesByID(ctx context.Context, ids []uint64) ([]OutboxRow, error) {
	query, args, err := sqlx.In(o.cfg.expandTables(`SELECT umeta_id, user_id, COALESCE(meta_key, '') AS meta_key, COALESCE(meta_value, '') AS meta_value
		FROM {usermeta} WHERE umeta_id IN (?)`), ids)
	if err != nil {
		return nil, err
	}
	var rows []row
	if err := o.db.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, err
	}
	var entries []OutboxRow
	for _, r := range rows {
		if r.Key == keyOutbox || r.Key == keyOutboxDeferred || r.Key == keyOutboxDead {
			entries = append(entries, newOutboxRow(r))
		}
	}
	slices.SortFunc(entries, compareRowID)
	return entries, nil
}
