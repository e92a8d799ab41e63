package usermeta

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
)

// loadedRow is a row with the time at which it was read: taken after the lock
// was granted, so that a change never sees an earlier time than the one that it
// waited for.
type loadedRow struct {
	row
	now        string // as the server writes it; sorts by time
	userExists bool
}

// loaded is what a viewer's rows say at a time.
type loaded struct {
	snap        snapshot
	now         time.Time
	unknownUser bool
}

// grasp is what a transaction has got hold of.
type lockedBatch struct {
	found           map[webinar.UserID]loaded
	locked, blocked []changeGroup  // held: somebody else holds one of their rows
	maxLockedUser   webinar.UserID // no viewer above it has a row that may be locked
}

// load reads and locks the rows of all viewers. Who has no rows is missing in
// found, unless the named locks are held: then only who does not exist is.
func (s *Store) load(ctx context.Context, tx *sqlx.Tx, groups []changeGroup, m txMode) (lockedBatch, error) {
	if !m.fastLock {
		return s.lockOwnRows(ctx, tx, groups, m)
	}
	rows, err := readRows(ctx, tx, s.sql.lock+" NOWAIT", users(groups))
	return lockedBatch{found: s.decodeViewers(rows), locked: groups, maxLockedUser: groups[len(groups)-1].user}, err
}

// loadExactly locks the viewers' own rows and no others, of those viewers whose
// rows can be had. It takes a statement more than the quick way, by which MariaDB
// locks all rows of the viewers' users.
func (s *Store) lockOwnRows(ctx context.Context, tx *sqlx.Tx, groups []changeGroup, m txMode) (lockedBatch, error) {
	statement := s.sql.lockOwnRows
	if m.noWait {
		statement += " SKIP LOCKED"
	}
	query, args, err := sqlx.In(statement, users(groups))
	if err != nil {
		return lockedBatch{}, err
	}
	var locked []uint64
	if err := tx.SelectContext(ctx, &locked, query, args...); err != nil {
		return lockedBatch{}, err
	}
	all, err := readRows(ctx, tx, s.sql.read, users(groups))
	if err != nil {
		return lockedBatch{}, err
	}
	mine := make(map[uint64]bool, len(locked))
	for _, id := range locked {
		mine[id] = true
	}
	// A row that is not locked is held by somebody, or came while we locked.
	others := map[webinar.UserID]bool{}
	for _, r := range all {
		if !mine[r.ID] {
			others[r.User] = true
		}
	}
	var g lockedBatch
	for _, r := range all {
		g.maxLockedUser = max(g.maxLockedUser, r.User)
	}
	all = slices.DeleteFunc(all, func(r loadedRow) bool { return others[r.User] })
	g.found = s.decodeViewers(all)
	for _, group := range groups {
		if others[group.user] {
			g.blocked = append(g.blocked, group)
		} else {
			g.locked = append(g.locked, group)
		}
	}
	if m.namedLocks {
		err = s.addUsersWithoutRows(ctx, tx, g.found, g.locked)
	}
	return g, err
}

// readRows reads viewers by one of the statements over {usermeta}. Most of what
// the service does is done here: the rows are scanned by hand, and what is the
// same in many of them is kept once.
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
		r.Key, r.Value = knownKey(key), string(value)
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

// rowsAViewer is how many rows to expect of one.
const avgRowsPerViewer = 8

// knownKey is the key as a string, without a copy where it is one of ours.
func knownKey(key []byte) string {
	for _, known := range sessionKeys {
		if string(key) == known {
			return known
		}
	}
	return string(key)
}

// interpretAll makes sense of the rows of many viewers.
func (s *Store) decodeViewers(rows []loadedRow) map[webinar.UserID]loaded {
	slices.SortFunc(rows, func(a, b loadedRow) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.ID, b.ID))
	})
	found := map[webinar.UserID]loaded{}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].User == rows[0].User {
			n++
		}
		found[rows[0].User] = s.decodeViewer(rows[0].User, rows[:n])
		rows = rows[n:]
	}
	return found
}

// interpret makes sense of the rows of one viewer, at least one.
func (s *Store) decodeViewer(user webinar.UserID, rows []loadedRow) loaded {
	plain := make([]row, len(rows))
	l := loaded{}
	var latest string
	for i, r := range rows {
		plain[i] = r.row
		latest = max(latest, r.now)
		l.unknownUser = !r.userExists
	}
	l.snap = read(user, plain)
	for _, r := range l.snap.damaged {
		s.logDamage(r)
	}
	l.now, _ = time.Parse(datetime, latest) // the server wrote it
	return l
}

// fillIn adds the viewers who have no rows but exist.
func (s *Store) addUsersWithoutRows(ctx context.Context, q sqlx.QueryerContext, found map[webinar.UserID]loaded, groups []changeGroup) error {
	var ids []webinar.UserID
	for _, g := range groups {
		if _, known := found[g.user]; !known {
			ids = append(ids, g.user)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	query, args, err := sqlx.In(s.sql.users, ids)
	if err != nil {
		return err
	}
	var existing []struct {
		User webinar.UserID `db:"user_id"`
		Now  string         `db:"now"`
	}
	if err := sqlx.SelectContext(ctx, q, &existing, query, args...); err != nil {
		return err
	}
	for _, e := range existing {
		now, err := time.Parse(datetime, e.Now)
		if err != nil {
			return err
		}
		found[e.User] = loaded{snap: read(e.User, nil), now: now}
	}
	return nil
}

// Read returns a viewer and the database's time, without any lock.
func (s *Store) Read(ctx context.Context, user webinar.UserID) (webinar.Viewer, time.Time, error) {
	if !s.ready.Load() {
		return webinar.Viewer{}, time.Time{}, errNotInspected
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	groups := []changeGroup{{user: user}}
	rows, err := readRows(ctx, s.db, s.sql.read, users(groups))
	found := s.decodeViewers(rows)
	if err == nil {
		err = s.addUsersWithoutRows(ctx, s.db, found, groups)
	}
	if err != nil {
		return webinar.Viewer{}, time.Time{}, wrapUnavailable(err)
	}
	viewer, known := found[user]
	if !known || viewer.unknownUser {
		return webinar.Viewer{}, time.Time{}, ErrUnknownUser
	}
	return viewer.snap.viewer, viewer.now, nil
}

// reported remembers which damaged rows were logged, by umeta_id.
type loggedDamage struct {
	mu   sync.Mutex
	rows map[uint64]bool
}

const maxLoggedDamage = 1000

// reportDamaged logs a value that cannot be read, once a row: the log must not
// grow with every report of the viewer, nor the memory with every damaged row.
func (s *Store) logDamage(r row) {
	s.loggedDamage.mu.Lock()
	defer s.loggedDamage.mu.Unlock()
	n := len(s.loggedDamage.rows)
	if s.loggedDamage.rows[r.ID] || n > maxLoggedDamage {
		return
	}
	if n == 0 {
		s.loggedDamage.rows = map[uint64]bool{}
	}
	s.loggedDamage.rows[r.ID] = true
	if n == maxLoggedDamage {
		s.log.Warn("many stored values cannot be read and count as absent; no more of them are reported")
		return
	}
	s.log.Warn("stored value cannot be read and counts as absent", "umeta_id", r.ID, "user", r.User, "meta_key", r.Key)
}
