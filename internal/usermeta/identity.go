package usermeta

import (
	"context"
	"fmt"
	"strings"
)

// What the two tables say of each other is believed from so many users on.
const (
	minNicknames = 20
	minUsers     = 10
)

// users asks whether the users table can be read and is of the same site as the
// user meta table. That users are missing does not tell: they may have been
// deleted by hand, and each site counts its users from 1, so that the ids of
// another one's exist all the same. Their names tell more, but may have been
// changed by whoever imported the users: neither is more than a warning.
func (i *inspection) users(ctx context.Context) (Finding, error) {
	f := Finding{Name: "users table", State: OK, Detail: i.cfg.UsersTable + " can be read"}
	_, err := i.conn.ExecContext(ctx, i.cfg.expandTables("SELECT ID, user_login, user_pass FROM {users} LIMIT 0"))
	if err != nil {
		f.Advice = "check the table prefix (WORDPRESS_TABLE_PREFIX, AUTOWEBINAR_USERS_TABLE) and GRANT SELECT on " + i.cfg.UsersTable
		return f, err
	}
	// Where the rest cannot be asked, the next findings say why.
	if alike, of, err := i.countMatchingNicknames(ctx); err == nil && of >= minNicknames && 20*alike < of {
		f.State = Warn
		f.Detail = fmt.Sprintf("of %d users in %s, %d have a name that fits their nickname in %s", of, i.cfg.UsersTable, alike, i.cfg.UsermetaTable)
		f.Advice = "unless names were changed for all, the two tables are not of one site: check AUTOWEBINAR_USERS_TABLE and AUTOWEBINAR_USERMETA_TABLE (or the table prefix)"
		return f, nil
	}
	if missing, of, err := i.missing(ctx); err == nil && of >= minUsers && 2*missing > of {
		f.State = Warn
		f.Detail = fmt.Sprintf("of the %d users with the newest rows in %s, %d are missing in %s", of, i.cfg.UsermetaTable, missing, i.cfg.UsersTable)
		f.Advice = "either they were deleted by hand, which is no harm, or the table is another site's or an old copy: check AUTOWEBINAR_USERS_TABLE and AUTOWEBINAR_USERMETA_TABLE (or the table prefix)"
	}
	return f, nil
}

// namesakes counts, of the oldest and the newest users, those with a nickname, and
// those whose nickname is one of their names. WordPress writes a nickname for
// everybody, the login at first; users may change it, but few do.
func (i *inspection) countMatchingNicknames(ctx context.Context) (alike, of int, err error) {
	var found []struct {
		Nickname string
		Login    string
		Nicename string
		Display  string
	}
	err = i.conn.SelectContext(ctx, &found, i.cfg.expandTables(`
		SELECT COALESCE(m.meta_value, '') AS nickname, u.user_login AS login, u.user_nicename AS nicename, u.display_name AS display
		FROM ((SELECT ID, user_login, user_nicename, display_name FROM {users} ORDER BY ID LIMIT 250)
		      UNION (SELECT ID, user_login, user_nicename, display_name FROM {users} ORDER BY ID DESC LIMIT 250)) u
		STRAIGHT_JOIN {usermeta} m FORCE INDEX (user_id) ON m.user_id = u.ID AND m.meta_key = 'nickname'`))
	for _, u := range found {
		for _, name := range []string{u.Login, u.Nicename, u.Display} {
			if name != "" && strings.EqualFold(u.Nickname, name) {
				alike++
				break
			}
		}
	}
	return alike, len(found), err
}

// missing counts the users with the newest rows, and those who are not in the users
// table.
func (i *inspection) missing(ctx context.Context) (missing, of int, err error) {
	var seen struct{ Holders, Users int }
	err = i.conn.GetContext(ctx, &seen, i.cfg.expandTables(`
		SELECT COUNT(*) AS holders, COUNT(u.ID) AS users
		FROM (SELECT DISTINCT user_id FROM (SELECT user_id FROM {usermeta} ORDER BY umeta_id DESC LIMIT 1000) newest) holder
		LEFT JOIN {users} u ON u.ID = holder.user_id`))
	return seen.Holders - seen.Users, seen.Holders, err
}
