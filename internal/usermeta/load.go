package usermeta

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/failpoint"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// loadedRow is a row with the time at which it was read. The time is read after
// the lock was granted, so that it is never earlier than that of the change
// that this one waited for.
type loadedRow struct {
	row
	now        string // as the server writes it; sorts by time
	userExists bool
}

// loadedViewer is the content of a viewer's rows at a time.
type loadedViewer struct {
	snap        snapshot
	now         time.Time
	unknownUser bool
}

// lockedBatch contains the rows that a transaction has locked.
type lockedBatch struct {
	viewers map[webinar.UserID]loadedViewer
	locked  []changeGroup
	blocked []changeGroup // another transaction has locked one of their rows

	maxLockedUser webinar.UserID // viewers with a higher id have no locked row
}

// load reads and locks the rows of all viewers. The result does not contain
// viewers without rows; with named locks, it lacks only viewers that do not
// exist.
func (s *Store) load(ctx context.Context, tx *sqlx.Tx, groups []changeGroup, m txMode) (lockedBatch, error) {
	if !m.fastLock {
		return s.lockOwnRows(ctx, tx, groups, m)
	}
	statement := s.sql.lockRows + " NOWAIT"
	if failpoint.Enabled(failpoint.SkipRowLocks) {
		statement = s.sql.readRows
	}
	rows, err := readRows(ctx, tx, statement, userIDs(groups))
	return lockedBatch{viewers: s.decodeViewers(rows), locked: groups, maxLockedUser: groups[len(groups)-1].user}, err
}

// lockOwnRows locks exactly the rows of the namespace, of those viewers whose
// rows are not locked by another transaction. It takes a statement more than the
// fast lock, with which MariaDB locks all rows of the users.
func (s *Store) lockOwnRows(ctx context.Context, tx *sqlx.Tx, groups []changeGroup, m txMode) (lockedBatch, error) {
	statement := s.sql.lockOwnRows
	if m.noWait {
		statement += " SKIP LOCKED"
	}
	if failpoint.Enabled(failpoint.SkipRowLocks) {
		statement, _, _ = strings.Cut(statement, "FOR UPDATE")
	}
	var ids []uint64
	if err := wpdb.Select(ctx, tx, &ids, statement, userIDs(groups)); err != nil {
		return lockedBatch{}, err
	}
	rows, err := readRows(ctx, tx, s.sql.readRows, userIDs(groups))
	if err != nil {
		return lockedBatch{}, err
	}
	locked := make(map[uint64]bool, len(ids))
	for _, id := range ids {
		locked[id] = true
	}
	var b lockedBatch
	// A row that is not locked is locked by another transaction, or was inserted
	// after the locking statement.
	blocked := map[webinar.UserID]bool{}
	for _, r := range rows {
		b.maxLockedUser = max(b.maxLockedUser, r.User)
		if !locked[r.ID] {
			blocked[r.User] = true
		}
	}
	rows = slices.DeleteFunc(rows, func(r loadedRow) bool { return blocked[r.User] })
	b.viewers = s.decodeViewers(rows)
	for _, g := range groups {
		if blocked[g.user] {
			b.blocked = append(b.blocked, g)
		} else {
			b.locked = append(b.locked, g)
		}
	}
	if m.namedLocks {
		err = s.addUsersWithoutRows(ctx, tx, b.viewers, userIDs(b.locked))
	}
	return b, err
}

// readRows reads viewers by one of the statements with its columns. It uses
// more CPU time than any other function of the service, so it scans rows
// without reflection and allocates strings that occur in many rows once.
func readRows(ctx context.Context, q sqlx.QueryerContext, statement string, ids []webinar.UserID) ([]loadedRow, error) {
	query, args, err := sqlx.In(statement, ids)
	if err != nil {
		return nil, err
	}
	found, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var id, user, key, value, now, exists sql.RawBytes
	rows := make([]loadedRow, 0, avgRowsPerViewer*len(ids))
	latest := ""
	for found.Next() {
		if err := found.Scan(&id, &user, &key, &value, &now, &exists); err != nil {
			return nil, err
		}
		if latest != string(now) {
			latest = string(now)
		}
		r := loadedRow{now: latest, userExists: string(exists) == "1"}
		r.Key, r.Value = internKey(key), string(value)
		var owner uint64
		if r.ID, err = strconv.ParseUint(string(id), 10, 64); err != nil {
			return nil, err
		}
		if owner, err = strconv.ParseUint(string(user), 10, 64); err != nil {
			return nil, err
		}
		r.User = webinar.UserID(owner)
		rows = append(rows, r)
	}
	return rows, found.Err()
}

// avgRowsPerViewer sizes buffers.
const avgRowsPerViewer = 8

// internKey returns the key as a string, without a copy for the usual keys.
func internKey(key []byte) string {
	for _, known := range sessionKeys {
		if string(key) == known {
			return known
		}
	}
	return string(key)
}

// decodeViewers decodes the rows of many viewers.
func (s *Store) decodeViewers(rows []loadedRow) map[webinar.UserID]loadedViewer {
	slices.SortFunc(rows, func(a, b loadedRow) int { return cmp.Compare(a.User, b.User) })
	viewers := map[webinar.UserID]loadedViewer{}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].User == rows[0].User {
			n++
		}
		viewers[rows[0].User] = s.decodeViewer(rows[0].User, rows[:n])
		rows = rows[n:]
	}
	return viewers
}

// decodeViewer decodes the rows of one viewer, at least one.
func (s *Store) decodeViewer(user webinar.UserID, loaded []loadedRow) loadedViewer {
	rows := make([]row, len(loaded))
	var v loadedViewer
	var latest string
	for i, r := range loaded {
		rows[i] = r.row
		latest = max(latest, r.now)
		v.unknownUser = !r.userExists
	}
	v.snap = read(user, rows)
	for _, r := range v.snap.damaged {
		s.logDamage(r)
	}
	v.now, _ = time.Parse(time.DateTime, latest) // always valid: the server wrote it
	return v
}

// addUsersWithoutRows adds those of the users who exist but have no rows.
func (s *Store) addUsersWithoutRows(
	ctx context.Context, q sqlx.QueryerContext, viewers map[webinar.UserID]loadedViewer, users []webinar.UserID,
) error {
	missing := slices.DeleteFunc(users, func(user webinar.UserID) bool {
		_, known := viewers[user]
		return known
	})
	if len(missing) == 0 {
		return nil
	}
	rows, err := readRows(ctx, q, s.sql.readUsers, missing)
	maps.Copy(viewers, s.decodeViewers(rows))
	return err
}

// Read returns a viewer and the database's time, without a lock.
func (s *Store) Read(ctx context.Context, user webinar.UserID) (webinar.Viewer, time.Time, error) {
	if !s.ready.Load() {
		return webinar.Viewer{}, time.Time{}, errNotReady
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	users := []webinar.UserID{user}
	rows, err := readRows(ctx, s.db, s.sql.readRows, users)
	viewers := s.decodeViewers(rows)
	if err == nil {
		err = s.addUsersWithoutRows(ctx, s.db, viewers, users)
	}
	if err != nil {
		return webinar.Viewer{}, time.Time{}, wpdb.WrapUnavailable(err)
	}
	viewer, known := viewers[user]
	if !known || viewer.unknownUser {
		return webinar.Viewer{}, time.Time{}, ErrUnknownUser
	}
	return viewer.snap.viewer, viewer.now, nil
}

// maxLoggedDamages bounds the memory of Store.loggedDamages.
const maxLoggedDamages = 1000

// logDamage logs a value that cannot be read, once for each row, so that the log
// does not grow with every report of the viewer.
func (s *Store) logDamage(r row) {
	s.damageMu.Lock()
	defer s.damageMu.Unlock()
	if n := len(s.loggedDamages); n == maxLoggedDamages || s.loggedDamages[r.ID] {
		return
	}
	s.loggedDamages[r.ID] = true
	s.cfg.Logger.Warn("unreadable value treated as absent", "umeta_id", r.ID, "user", r.User, "meta_key", r.Key)
}
