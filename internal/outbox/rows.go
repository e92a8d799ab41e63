package outbox

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// Status is the state of a message, which its meta key stores.
type Status string

// The states of a message. A deferred message is retried automatically, a dead
// one only by an operator.
const (
	StatusDue      Status = "due"
	StatusDeferred Status = "deferred"
	StatusDead     Status = "dead"
)

// Statuses returns all states, in the order of a message's life.
func Statuses() []Status { return []Status{StatusDue, StatusDeferred, StatusDead} }

var keys = map[Status]string{StatusDue: KeyDue, StatusDeferred: KeyDeferred, StatusDead: KeyDead}

func (s Status) key() string { return keys[s] }

// Format is whether this build can decode a row.
type Format string

// The formats. Rows written by a newer version are listed but never modified.
const (
	FormatOK          Format = "ok"
	FormatUnsupported Format = "unsupported version"
	FormatCorrupt     Format = "corrupt"
)

// Row is one outbox row as an operator sees it.
type Row struct {
	RowID   uint64
	User    webinar.UserID
	Status  Status
	Format  Format
	Message Message // the zero Message unless the format is FormatOK
	Value   string  // as stored
}

func newRow(stored wpdb.Row, status Status) Row {
	r := Row{RowID: stored.ID, User: stored.User, Status: status, Format: FormatOK, Value: stored.Value}
	var err error
	if r.Message, err = decode(stored); errors.Is(err, errUnsupportedVersion) {
		r.Format = FormatUnsupported
	} else if err != nil {
		r.Format = FormatCorrupt
	}
	return r
}

func compareRowID(a, b Row) int { return cmp.Compare(a.RowID, b.RowID) }

// Filter selects rows. A zero field excludes none.
type Filter struct {
	User     webinar.UserID
	Statuses []Status
	RowIDs   []uint64

	// These exclude all rows that cannot be decoded.
	Type      webinar.EventType
	EventID   uuid.UUID
	OlderThan time.Time // the event happened before
}

func (f Filter) statuses() []Status {
	if len(f.Statuses) == 0 {
		return Statuses()
	}
	return f.Statuses
}

// Match reports whether the filter selects a row.
func (f Filter) Match(r Row) bool {
	e := r.Message.Event
	return (f.User == 0 || r.User == f.User) &&
		slices.Contains(f.statuses(), r.Status) &&
		(len(f.RowIDs) == 0 || slices.Contains(f.RowIDs, r.RowID)) &&
		(f.Type == "" || e.Type == f.Type) &&
		(f.EventID == uuid.Nil || e.ID == f.EventID) &&
		(f.OlderThan.IsZero() || !e.At.IsZero() && e.At.Before(f.OlderThan))
}

// pageSize is how many rows one statement reads or changes.
const pageSize = 200

// Rows yields the selected rows in pages, oldest first. No statement sorts the
// queue or locks a row: one reads the ids from an index, and the rows are then
// read by primary key. Rows that leave the queue meanwhile are left out, new ones
// are not seen. An error ends the iteration.
func (q *Queue) Rows(ctx context.Context, f Filter) iter.Seq2[[]Row, error] {
	return func(yield func([]Row, error) bool) {
		ids, err := q.rowIDs(ctx, f)
		if err != nil {
			yield(nil, err)
			return
		}
		for page := range slices.Chunk(ids, pageSize) {
			rows, err := q.readRows(ctx, "WHERE umeta_id IN (?)", page)
			if err != nil {
				yield(nil, err)
				return
			}
			rows = slices.DeleteFunc(rows, func(r Row) bool { return !f.Match(r) })
			if len(rows) > 0 && !yield(rows, nil) {
				return
			}
		}
	}
}

func (q *Queue) rowIDs(ctx context.Context, f Filter) (ids []uint64, err error) {
	switch {
	case len(f.RowIDs) > 0:
		ids = slices.Clone(f.RowIDs)
	case f.User != 0:
		err = q.read(ctx, &ids, "SELECT umeta_id FROM {usermeta} FORCE INDEX (user_id) WHERE user_id = ? AND meta_key IN (?, ?, ?)",
			f.User, KeyDue, KeyDeferred, KeyDead)
	default:
		for _, status := range f.statuses() {
			var found []uint64
			if err := q.read(ctx, &found, "SELECT umeta_id"+byKey, status.key(), status.key()); err != nil {
				return nil, err
			}
			ids = append(ids, found...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), err // a row may have changed its status in between
}

// readRows reads the outbox rows that meet a condition. Keys are compared byte by
// byte, which the collation does not.
func (q *Queue) readRows(ctx context.Context, where string, args ...any) (rows []Row, err error) {
	var stored []wpdb.Row
	err = q.read(ctx, &stored, "SELECT "+columns+" FROM {usermeta} "+where, args...)
	for _, r := range stored {
		for status, key := range keys {
			if r.Key == key {
				rows = append(rows, newRow(r, status))
			}
		}
	}
	slices.SortFunc(rows, compareRowID)
	return rows, err
}
