package outbox

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"autowebinar/internal/wpdb"
)

// Stats counts the messages of a site.
type Stats struct {
	Due                int       `json:"due"`
	Deferred           int       `json:"deferred"`
	Dead               int       `json:"dead"`
	Approximate        bool      `json:"approximate"`         // the counts above maxExactCount are estimates of the server
	UnsupportedVersion int       `json:"unsupported_version"` // of the due and deferred ones, counted up to maxExactCount
	Oldest             time.Time `json:"oldest,omitzero"`     // of the due and deferred events; zero if there are none
}

const (
	maxExactCount    = 50_000 // counting a million rows takes seconds
	oldestSampleRows = 16     // rows read to find the oldest event: some may be corrupt
)

// Stats counts the queue. The cost grows with the queue up to maxExactCount rows
// of each status, about 100 ms, and not with the table.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	for _, status := range []struct {
		key   string
		count *int
	}{{KeyDue, &s.Due}, {KeyDeferred, &s.Deferred}, {KeyDead, &s.Dead}} {
		unsupported, err := q.count(ctx, status.key, status.count)
		if err != nil {
			return Stats{}, wpdb.WrapUnavailable(err)
		}
		s.Approximate = s.Approximate || *status.count > maxExactCount
		if status.key == KeyDead {
			continue
		}
		s.UnsupportedVersion += unsupported
		if unsupported == min(*status.count, maxExactCount+1) {
			continue // none of the rows can be decoded
		}
		oldest, err := q.oldest(ctx, status.key)
		if err != nil {
			return Stats{}, wpdb.WrapUnavailable(err)
		}
		if s.Oldest.IsZero() || !oldest.IsZero() && oldest.Before(s.Oldest) {
			s.Oldest = oldest
		}
	}
	return s, nil
}

// count counts the rows of a key, and those of an unsupported version.
func (q *Queue) count(ctx context.Context, key string, n *int) (unsupported int, err error) {
	const count = "SELECT COUNT(*), COALESCE(SUM(unsupported), 0) FROM (SELECT COALESCE(meta_value, '') NOT LIKE ? AS unsupported" +
		byKey + " LIMIT ?) AS first"
	if err := q.db.QueryRowContext(ctx, q.db.Expand(count), version+"|%", key, key, maxExactCount+1).Scan(n, &unsupported); err != nil {
		return 0, err
	}
	if *n <= maxExactCount {
		return unsupported, nil
	}
	var plan struct{ Rows sql.Null[int] }
	estimate := q.db.Expand("EXPLAIN SELECT umeta_id FROM {usermeta} FORCE INDEX (meta_key) WHERE meta_key = ?")
	err = q.db.Unsafe().GetContext(ctx, &plan, estimate, key) // ignores the other columns
	*n = max(*n, plan.Rows.V)
	return unsupported, err
}

// oldest returns the time of the first event of a key that can be decoded.
func (q *Queue) oldest(ctx context.Context, key string) (time.Time, error) {
	var rows []wpdb.Row
	query := "SELECT " + columns + byKey + " AND meta_value LIKE ? LIMIT ?"
	if err := q.read(ctx, &rows, query, key, key, version+"|%", oldestSampleRows); err != nil {
		return time.Time{}, err
	}
	slices.SortFunc(rows, func(a, b wpdb.Row) int { return cmp.Compare(a.ID, b.ID) })
	for _, r := range rows {
		if m, err := decode(r); err == nil {
			return m.Event.At, nil
		}
	}
	return time.Time{}, nil
}
