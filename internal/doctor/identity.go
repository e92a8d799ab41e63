package doctor

import (
	"context"
	"fmt"
	"strings"
)

// Minimum sample sizes for the checks below.
const (
	minNicknames = 20
	minUsers     = 10
)

// users checks that the users table can be read and belongs to the same site as
// the usermeta table. Both checks only warn: missing users may have been deleted
// by hand, every site numbers its users from 1, and an import may have changed
// names.
func (i *inspection) users(ctx context.Context) (Finding, error) {
	f := Finding{Name: "users table", State: OK, Detail: i.db.Config.UsersTable + " can be read"}
	_, err := i.conn.ExecContext(ctx, i.db.Expand("SELECT ID, user_login, user_pass FROM {users} LIMIT 0"))
	if err != nil {
		f.Advice = "check the table prefix (WORDPRESS_TABLE_PREFIX, AUTOWEBINAR_USERS_TABLE) and GRANT SELECT on " + i.db.Config.UsersTable
		return f, err
	}
	// If the queries below fail, the next findings explain it.
	if matching, of, err := i.countMatchingNicknames(ctx); err == nil && of >= minNicknames && 20*matching < of {
		f.State = Warn
		f.Detail = fmt.Sprintf("of %d users in %s, %d have a name that matches their nickname in %s", of, i.db.Config.UsersTable, matching, i.db.Config.UsermetaTable)
		f.Advice = "unless all names were changed, the two tables belong to different sites: check AUTOWEBINAR_USERS_TABLE and AUTOWEBINAR_USERMETA_TABLE (or the table prefix)"
		return f, nil
	}
	if missing, of, err := i.missing(ctx); err == nil && of >= minUsers && 2*missing > of {
		f.State = Warn
		f.Detail = fmt.Sprintf("of the %d users with the newest rows in %s, %d are missing in %s", of, i.db.Config.UsermetaTable, missing, i.db.Config.UsersTable)
		f.Advice = "either they were deleted by hand, which does no harm, or the table is another site's or an old copy: check AUTOWEBINAR_USERS_TABLE and AUTOWEBINAR_USERMETA_TABLE (or the table prefix)"
	}
	return f, nil
}

// countMatchingNicknames counts, among the oldest and the newest users, those
// with a nickname and those whose nickname equals one of their names. WordPress
// gives every user a nickname, at first the login; few users change it.
func (i *inspection) countMatchingNicknames(ctx context.Context) (matching, of int, err error) {
	var found []struct {
		Nickname string
		Login    string
		Nicename string
		Display  string
	}
	err = i.conn.SelectContext(ctx, &found, i.db.Expand(`
		SELECT COALESCE(m.meta_value, '') AS nickname, u.user_login AS login, u.user_nicename AS nicename, u.display_name AS display
		FROM ((SELECT ID, user_login, user_nicename, display_name FROM {users} ORDER BY ID LIMIT 250)
		      UNION (SELECT ID, user_login, user_nicename, display_name FROM {users} ORDER BY ID DESC LIMIT 250)) u
		STRAIGHT_JOIN {usermeta} m FORCE INDEX (user_id) ON m.user_id = u.ID AND m.meta_key = 'nickname'`))
	for _, u := range found {
		for _, name := range []string{u.Login, u.Nicename, u.Display} {
			if name != "" && strings.EqualFold(u.Nickname, name) {
				matching++
				break
			}
		}
	}
	return matching, len(found), err
}

// missing counts the users with the newest rows, and those of them who are missing
// from the users table.
func (i *inspection) missing(ctx context.Context) (missing, of int, err error) {
	var found struct{ Owners, Users int }
	err = i.conn.GetContext(ctx, &found, i.db.Expand(`
		SELECT COUNT(*) AS owners, COUNT(u.ID) AS users
		FROM (SELECT DISTINCT user_id FROM (SELECT user_id FROM {usermeta} ORDER BY umeta_id DESC LIMIT 1000) newest) owner
		LEFT JOIN {users} u ON u.ID = owner.user_id`))
	return found.Owners - found.Users, found.Owners, err
}
