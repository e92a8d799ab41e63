package usermeta

import (
	"context"
	"maps"
	"slices"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// UsersWithSession lists, ascending, the viewers with a session of a webinar,
// current or parked. It reads an index without a lock; the list takes 8 bytes for
// each viewer.
func (s *Store) UsersWithSession(ctx context.Context, id webinar.ID) ([]webinar.UserID, error) {
	const hasKey = " FROM {usermeta} FORCE INDEX (meta_key) WHERE meta_key = ? AND CAST(meta_key AS BINARY) = ?"
	var users, parked []webinar.UserID
	current := s.db.Expand("SELECT user_id" + hasKey + " AND CAST(meta_value AS BINARY) = ?")
	if err := wpdb.Select(ctx, s.db, &users, current, keyWebinarID, keyWebinarID, id); err != nil {
		return nil, err
	}
	key := joinKey(keySessionID, id)
	if err := wpdb.Select(ctx, s.db, &parked, s.db.Expand("SELECT user_id"+hasKey), key, key); err != nil {
		return nil, err
	}
	users = append(users, parked...)
	slices.Sort(users)
	return slices.Compact(users), nil
}

// ReadViewers reads viewers without a lock, in ascending order. Users without
// rows are left out.
func (s *Store) ReadViewers(ctx context.Context, users []webinar.UserID) ([]webinar.Viewer, error) {
	if len(users) == 0 {
		return nil, nil
	}
	rows, err := readRows(ctx, s.db, s.sql.readRows, users)
	if err != nil {
		return nil, wpdb.WrapUnavailable(err)
	}
	loaded := s.decodeViewers(rows)
	viewers := make([]webinar.Viewer, 0, len(loaded))
	for _, user := range slices.Sorted(maps.Keys(loaded)) {
		viewers = append(viewers, loaded[user].snap.viewer)
	}
	return viewers, nil
}

// Logins returns the login names of those of the users who exist.
func (s *Store) Logins(ctx context.Context, users []webinar.UserID) (map[webinar.UserID]string, error) {
	logins := make(map[webinar.UserID]string, len(users))
	if len(users) == 0 {
		return logins, nil
	}
	var rows []struct {
		User  webinar.UserID `db:"user_id"`
		Login string         `db:"user_login"`
	}
	query := s.db.Expand("SELECT ID AS user_id, user_login FROM {users} WHERE ID IN (?)")
	if err := wpdb.Select(ctx, s.db, &rows, query, users); err != nil {
		return nil, err
	}
	for _, r := range rows {
		logins[r.User] = r.Login
	}
	return logins, nil
}

// Exists reports whether WordPress has a user.
func (s *Store) Exists(ctx context.Context, user webinar.UserID) (bool, error) {
	logins, err := s.Logins(ctx, []webinar.UserID{user})
	_, exists := logins[user]
	return exists, err
}
