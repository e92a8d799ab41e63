package usermeta

import (
	"context"
	"database/sql"
	"slices"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
)

// Audience lists, ascending, the viewers with a session of a webinar, whether it
// is their current one or set aside. One statement for each of the two keys
// reads the index, without a lock; the list takes 8 bytes a viewer.
func (s *Store) UsersWithSession(ctx context.Context, id webinar.ID) ([]webinar.UserID, error) {
	const exactly = " FROM {usermeta} FORCE INDEX (meta_key) WHERE meta_key = ? AND CAST(meta_key AS BINARY) = ?"
	var users, aside []webinar.UserID
	current := s.cfg.expandTables("SELECT user_id" + exactly + " AND CAST(meta_value AS BINARY) = ?")
	if err := s.db.SelectContext(ctx, &users, current, keyWebinarID, keyWebinarID, string(id)); err != nil {
		return nil, wrapUnavailable(err)
	}
	key := joinKey(keySessionID, id)
	if err := s.db.SelectContext(ctx, &aside, s.cfg.expandTables("SELECT user_id"+exactly), key, key); err != nil {
		return nil, wrapUnavailable(err)
	}
	users = append(users, aside...)
	slices.Sort(users)
	return slices.Compact(users), nil
}

// ReadViewers reads some viewers, without any lock; who has no rows is missing.
// The viewers come in ascending order.
func (s *Store) ReadViewers(ctx context.Context, users []webinar.UserID) ([]webinar.Viewer, error) {
	if len(users) == 0 {
		return nil, nil
	}
	rows, err := readRows(ctx, s.db, s.sql.read, users)
	if err != nil {
		return nil, wrapUnavailable(err)
	}
	found := s.decodeViewers(rows)
	viewers := make([]webinar.Viewer, 0, len(found))
	for _, user := range slices.Compact(slices.Sorted(slices.Values(users))) {
		if viewer, known := found[user]; known {
			viewers = append(viewers, viewer.snap.viewer)
		}
	}
	return viewers, nil
}

// Logins gives the login names of the users who exist.
func (s *Store) Logins(ctx context.Context, users []webinar.UserID) (map[webinar.UserID]string, error) {
	logins := make(map[webinar.UserID]string, len(users))
	if len(users) == 0 {
		return logins, nil
	}
	query, args, err := sqlx.In(s.cfg.expandTables("SELECT ID AS user_id, user_login FROM {users} WHERE ID IN (?)"), users)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		User  webinar.UserID `db:"user_id"`
		Login string         `db:"user_login"`
	}
	if err := s.db.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, wrapUnavailable(err)
	}
	for _, r := range rows {
		logins[r.User] = r.Login
	}
	return logins, nil
}

// Exists tells whether WordPress has a user.
func (s *Store) Exists(ctx context.Context, user webinar.UserID) (bool, error) {
	logins, err := s.Logins(ctx, []webinar.UserID{user})
	_, exists := logins[user]
	return exists, err
}

// Led tells whether some replica leads the dispatch of this table now.
func (s *Store) HasLeader(ctx context.Context) (bool, error) {
	var holder sql.Null[uint64]
	if err := s.db.GetContext(ctx, &holder, "SELECT IS_USED_LOCK(?)", s.cfg.lockName("dispatch")); err != nil {
		return false, wrapUnavailable(err)
	}
	return holder.Valid, nil
}
