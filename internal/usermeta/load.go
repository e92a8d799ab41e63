package usermeta

import (
	"context"
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
	Now        string `db:"now"`
	UserExists bool   `db:"user_exists"`
}

// readRows reads viewers by one of the statements over {usermeta}.
func (s *Store) readRows(ctx context.Context, q sqlx.QueryerContext, statement string, ids []webinar.UserID) (map[webinar.UserID]loaded, error) {
	query, args, err := sqlx.In(statement, ids)
	if err != nil {
		return nil, err
	}
	var rows []loadedRow
	if err := sqlx.SelectContext(ctx, q, &rows, query, args...); err != nil {
		return nil, err
	}
	byUser := make(map[webinar.UserID][]loadedRow, len(ids))
	for _, r := range rows {
		byUser[r.User] = append(byUser[r.User], r)
	}
	found := make(map[webinar.UserID]loaded, len(ids))
	for user, rows := range byUser {
		if found[user], err = s.interpret(user, rows); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// interpret makes sense of the rows of one viewer, at least one.
func (s *Store) interpret(user webinar.UserID, rows []loadedRow) (loaded, error) {
	plain := make([]row, len(rows))
	l := loaded{}
	var latest string
	for i, r := range rows {
		plain[i] = r.row
		latest = max(latest, r.Now)
		l.unknownUser = !r.UserExists
	}
	l.snap = read(user, plain)
	for _, r := range l.snap.damaged {
		s.reportDamaged(r)
	}
	var err error
	l.now, err = time.Parse(datetime, latest)
	return l, err
}

// fillIn adds the viewers who have no rows but exist.
func (s *Store) fillIn(ctx context.Context, q sqlx.QueryerContext, found map[webinar.UserID]loaded, groups []viewerChanges) error {
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
	if !s.fit.Load() {
		return webinar.Viewer{}, time.Time{}, errNotInspected
	}
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	groups := []viewerChanges{{user: user}}
	found, err := s.readRows(ctx, s.db, s.sql.read, users(groups))
	if err == nil {
		err = s.fillIn(ctx, s.db, found, groups)
	}
	if err != nil {
		return webinar.Viewer{}, time.Time{}, classify(err)
	}
	viewer, known := found[user]
	if !known || viewer.unknownUser {
		return webinar.Viewer{}, time.Time{}, ErrUnknownUser
	}
	return viewer.snap.viewer, viewer.now, nil
}

// reported remembers which damaged rows were logged, by umeta_id.
type reported struct {
	mu   sync.Mutex
	rows map[uint64]bool
}

const maxReported = 1000

// reportDamaged logs a value that cannot be read, once a row: the log must not
// grow with every report of the viewer, nor the memory with every damaged row.
func (s *Store) reportDamaged(r row) {
	s.reported.mu.Lock()
	defer s.reported.mu.Unlock()
	n := len(s.reported.rows)
	if s.reported.rows[r.ID] || n > maxReported {
		return
	}
	if n == 0 {
		s.reported.rows = map[uint64]bool{}
	}
	s.reported.rows[r.ID] = true
	if n == maxReported {
		s.log.Warn("many stored values cannot be read and count as absent; no more of them are reported")
		return
	}
	s.log.Warn("stored value cannot be read and counts as absent", "umeta_id", r.ID, "user", r.User, "meta_key", r.Key)
}
