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
type Place string

// The three places. A row that waits is tried again by itself, a dead one never.
const (
	PlaceDue     Place = "due"
	PlaceWaiting Place = "waiting"
	PlaceDead    Place = "dead"
)

// Places are all of them, in the order of an event's life.
func Places() []Place { return []Place{PlaceDue, PlaceWaiting, PlaceDead} }

func (p Place) key() string {
	switch p {
	case PlaceWaiting:
		return keyOutboxWait
	case PlaceDead:
		return keyOutboxDead
	}
	return keyOutbox
}

func placeOf(key string) Place {
	switch key {
	case keyOutboxWait:
		return PlaceWaiting
	case keyOutboxDead:
		return PlaceDead
	}
	return PlaceDue
}

// Reading says whether this build can make sense of a row.
type Reading string

// What a row can be. A row of another version is another build's to decide on:
// it is shown, and never changed.
const (
	Readable     Reading = "readable"
	OtherVersion Reading = "other version"
	Damaged      Reading = "damaged"
)

// Entry is one outbox row as an operator sees it.
type Entry struct {
	RowID   uint64
	User    webinar.UserID
	Place   Place
	Reading Reading
	Message Message // the zero Message unless Readable
	Value   string  // as stored
}

func newEntry(r row) Entry {
	e := Entry{RowID: r.ID, User: r.User, Place: placeOf(r.Key), Reading: Readable, Value: r.Value}
	m, err := decodeMessage(r)
	switch {
	case err == nil:
		e.Message = m
	case errors.Is(err, errUnknownVersion):
		e.Reading = OtherVersion
	default:
		e.Reading = Damaged
	}
	return e
}

// byRow is the order in which a viewer's events happened.
func byRow(a, b Entry) int { return cmp.Compare(a.RowID, b.RowID) }

// Selection says which rows are meant. A zero field excludes none.
type Selection struct {
	User   webinar.UserID
	Places []Place
	RowIDs []uint64

	Type      webinar.EventType // only readable rows have one
	EventID   uuid.UUID
	OlderThan time.Time // the event happened before; only readable rows have a time
}

func (s Selection) places() []Place {
	if len(s.Places) == 0 {
		return Places()
	}
	return s.Places
}

func (s Selection) holds(e Entry) bool {
	m := e.Message
	switch {
	case s.User != 0 && e.User != s.User,
		!slices.Contains(s.places(), e.Place),
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
func (o *Outbox) Entries(ctx context.Context, s Selection) iter.Seq2[[]Entry, error] {
	return func(yield func([]Entry, error) bool) {
		ids, err := o.entryIDs(ctx, s)
		if err != nil {
			yield(nil, classify(err))
			return
		}
		for page := range slices.Chunk(ids, entryPage) {
			entries, err := o.entriesByID(ctx, page)
			if err != nil {
				yield(nil, classify(err))
				return
			}
			entries = slices.DeleteFunc(entries, func(e Entry) bool { return !s.holds(e) })
			if len(entries) > 0 && !yield(entries, nil) {
				return
			}
		}
	}
}

func (o *Outbox) entryIDs(ctx context.Context, s Selection) ([]uint64, error) {
	var ids []uint64
	switch {
	case len(s.RowIDs) > 0:
		ids = slices.Clone(s.RowIDs)
	case s.User != 0:
		query := o.cfg.fill("SELECT umeta_id FROM {usermeta} FORCE INDEX (user_id) WHERE user_id = ? AND meta_key IN (?, ?, ?)")
		if err := o.db.SelectContext(ctx, &ids, query, uint64(s.User), keyOutbox, keyOutboxWait, keyOutboxDead); err != nil {
			return nil, err
		}
	default:
		query := o.cfg.fill("SELECT umeta_id FROM {usermeta} FORCE INDEX (meta_key) WHERE meta_key = ? AND CAST(meta_key AS BINARY) = ?")
		for _, place := range s.places() {
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

func (o *Outbox) entriesByID(ctx context.Context, ids []uint64) ([]Entry, error) {
	query, args, err := sqlx.In(o.cfg.fill(`SELECT umeta_id, user_id, COALESCE(meta_key, '') AS meta_key, COALESCE(meta_value, '') AS meta_value
		FROM {usermeta} WHERE umeta_id IN (?)`), ids)
	if err != nil {
		return nil, err
	}
	var rows []row
	if err := o.db.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, err
	}
	var entries []Entry
	for _, r := range rows {
		if r.Key == keyOutbox || r.Key == keyOutboxWait || r.Key == keyOutboxDead {
			entries = append(entries, newEntry(r))
		}
	}
	slices.SortFunc(entries, byRow)
	return entries, nil
}
