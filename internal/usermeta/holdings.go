package usermeta

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"autowebinar/internal/webinar"
)

// Holder is a user id that has rows of the namespace.
type UserUsage struct {
	User   webinar.UserID
	Exists bool // WordPress has such a user
	Rows   int
	Events int // of the rows: events that the sink has not accepted
}

// Holdings are all rows of the namespace, counted.
type Usage struct {
	Users      []UserUsage // ascending by user
	Rows       int
	Orphans    int // rows whose user is gone
	Duplicates int // rows beyond the first of a key of a viewer, the outbox left out
	Waiting    int // events that the sink has not accepted, dead ones left out
	Dead       int // events given up
}

// Holdings counts the rows of one user or, for 0, of all. It is one statement
// that reads an index without a lock or a sort; the memory is some 100 bytes a
// viewer.
func (s *Store) Usage(ctx context.Context, user webinar.UserID) (Usage, error) {
	query := `SELECT m.user_id, m.meta_key, EXISTS (SELECT 1 FROM {users} u WHERE u.ID = m.user_id)
		FROM {usermeta} m FORCE INDEX (meta_key) WHERE m.meta_key LIKE 'autowebinar\_%'`
	var args []any
	if user != 0 {
		query = strings.Replace(query, "(meta_key)", "(user_id)", 1) + " AND m.user_id = ?"
		args = append(args, uint64(user))
	}
	rows, err := s.db.QueryContext(ctx, s.cfg.expandTables(query), args...)
	if err != nil {
		return Usage{}, wrapUnavailable(err)
	}
	defer rows.Close()
	c := counter{holders: map[webinar.UserID]*UserUsage{}, unsorted: user != 0}
	for rows.Next() {
		var owner uint64
		var key string
		var exists bool
		if err := rows.Scan(&owner, &key, &exists); err != nil {
			return Usage{}, err
		}
		c.count(webinar.UserID(owner), key, exists)
	}
	if err := rows.Err(); err != nil {
		return Usage{}, wrapUnavailable(err)
	}
	return c.result(), nil
}

// counter counts rows that come sorted by key, but for its case, so that it
// need not remember all of them.
type counter struct {
	unsorted bool // there are few
	all      Usage
	holders  map[webinar.UserID]*UserUsage
	key      string
	seen     map[userKey]bool // of the keys equal to key but for case
}

type userKey struct {
	user webinar.UserID
	key  string
}

func (c *counter) count(user webinar.UserID, key string, exists bool) {
	if !strings.HasPrefix(key, namespace) {
		return // another case of letters: not ours
	}
	holder := c.holders[user]
	if holder == nil {
		holder = &UserUsage{User: user, Exists: exists}
		c.holders[user] = holder
	}
	holder.Rows++
	c.all.Rows++
	if !exists {
		c.all.Orphans++
	}
	switch key {
	case keyOutbox, keyOutboxDeferred:
		holder.Events++
		c.all.Waiting++
		return
	case keyOutboxDead:
		holder.Events++
		c.all.Dead++
		return
	}
	if c.seen == nil || !c.unsorted && !strings.EqualFold(key, c.key) {
		c.key, c.seen = key, map[userKey]bool{}
	}
	if c.seen[userKey{user, key}] {
		c.all.Duplicates++
	}
	c.seen[userKey{user, key}] = true
}

func (c *counter) result() Usage {
	for _, holder := range c.holders {
		c.all.Users = append(c.all.Users, *holder)
	}
	slices.SortFunc(c.all.Users, func(a, b UserUsage) int { return cmp.Compare(a.User, b.User) })
	return c.all
}
