package cli

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

func TestPurgeDeletesOnlyWithYes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		flags   []string
		out     string // without --yes
		warning string
		left    int // users with rows
	}{
		"one user":            {[]string{"--user", "2"}, "6 rows of 1 user: 2\n", "1 undelivered event will never be delivered", 4},
		"a user without rows": {[]string{"--user", "99"}, "0 rows of 0 users\n", "", 5},
		"orphans":             {[]string{"--orphans"}, "4 rows of 1 user: 5\n", "", 4},
		"all":                 {[]string{"--all"}, "30 rows of 5 users: 1, 2, 3, 4, 5\n", "1 undelivered event will never be delivered", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newIntroFixture(t)
			f.exit(t, 2, "intro")
			f.exec(t, "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) SELECT ID, 'nickname', 'x' FROM wp_users")
			before := f.Checksum(t)
			code, out, errs := runCommand(t, f.env, append([]string{"purge"}, test.flags...)...)
			assert.Equal(t, 0, code, errs)
			assert.Equal(t, test.out+"nothing was deleted: repeat with --yes\n", out)
			assert.Contains(t, errs, test.warning)
			assert.Equal(t, test.warning == "", errs == "")
			assert.Equal(t, before, f.Checksum(t))

			code, out, errs = runCommand(t, f.env, append([]string{"purge", "--yes"}, test.flags...)...)
			assert.Equal(t, 0, code, errs)
			assert.Equal(t, test.out+strings.Split(test.out, " ")[0]+" rows deleted\n", out)
			assert.Equal(t, 4, f.count(t, "meta_key = 'nickname'"))
			var left int
			require.NoError(t, f.SQL.Get(&left, "SELECT COUNT(DISTINCT user_id) FROM wp_usermeta WHERE meta_key LIKE 'autowebinar\\_%'"))
			assert.Equal(t, test.left, left)

			code, out, _ = runCommand(t, f.env, append([]string{"purge", "--yes", "--json"}, test.flags...)...)
			assert.Equal(t, 0, code)
			assert.JSONEq(t, `{"users":0,"user_ids":[],"rows":0,"undelivered_events":0,"deleted_rows":0,"dry_run":false}`, out, "a repeated purge deletes nothing")
		})
	}
}

func TestPurgeListsLimitedNumberOfUsers(t *testing.T) {
	t.Parallel()
	r := purgeResult{Users: 12_345}
	for id := range maxUserIDs {
		r.UserIDs = append(r.UserIDs, webinar.UserID(id+1))
	}
	assert.True(t, strings.HasPrefix(r.userList(), ": 1, 2, 3, "), r.userList())
	assert.True(t, strings.HasSuffix(r.userList(), ", 99, 100 and 12245 more (see --json)"), r.userList())
	r.setUserIDs(make([]webinar.UserID, 12_345))
	assert.Len(t, r.UserIDs, maxUserIDs)
	assert.Equal(t, 2_345, r.Unlisted)

	f := newIntroFixture(t)
	code, out, errs := runCommand(t, f.env, "purge", "--orphans", "--json")
	assert.Equal(t, 0, code, errs)
	assert.JSONEq(t, `{"users":1,"user_ids":[5],"rows":4,"undelivered_events":0,"deleted_rows":0,"dry_run":true}`, out)
}

// The users table of another, smaller site contains the lowest ids.
func TestPurgeOfMostUsersNeedsForce(t *testing.T) {
	t.Parallel()
	const users = 1200
	for existing, rejected := range map[int]bool{0: true, users/2 - 1: true, users / 2: false} {
		t.Run(fmt.Sprint(existing, " exist"), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 0)
			var members, rows []string
			for id := 1; id <= users; id++ {
				if rows = append(rows, fmt.Sprintf("(%d, 'autowebinar_completed', '1')", id)); id <= existing {
					members = append(members, fmt.Sprintf("(%d, '%d', '2026-01-02')", id, id))
				}
			}
			f.exec(t, "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES "+strings.Join(rows, ", "))
			if existing > 0 {
				f.exec(t, "INSERT INTO wp_users (ID, user_login, user_registered) VALUES "+strings.Join(members, ", "))
			}
			code, out, errs := runCommand(t, f.env, "purge", "--orphans", "--yes")
			if rejected {
				assert.Equal(t, 1, code)
				assert.Empty(t, out)
				assert.Contains(t, errs, fmt.Sprintf("wp_users contains only %d of %d users with rows", existing, users))
				assert.Contains(t, errs, "AUTOWEBINAR_USERS_TABLE")
				assert.Contains(t, errs, "--force")
				assert.Equal(t, users, f.count(t, "meta_key = 'autowebinar_completed'"))
				code, _, errs = runCommand(t, f.env, "purge", "--orphans", "--yes", "--force")
			}
			assert.Equal(t, 0, code, errs)
			assert.Equal(t, existing, f.count(t, "meta_key = 'autowebinar_completed'"))
		})
	}
}

func TestPurgeSuggestsForceOnlyForMissingUsers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.exec(t, "REVOKE SELECT ON wp_users FROM '"+f.Name+"'@'%'")
	code, _, errs := runCommand(t, f.env, "purge", "--orphans", "--yes")
	assert.Equal(t, 1, code)
	assert.NotEmpty(t, errs)
	assert.NotContains(t, errs, "--force")
}

// Purging a viewer who is watching deletes all rows. The next report is then
// rejected, and the next entry starts a new session.
func TestPurgeOfWatchingViewer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	env := withSetting(withSetting(f.env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:0"), "AUTOWEBINAR_SERVICE_KEYS=test-service-key")
	match, _ := startCommand(t, env, `"address":"([^"]+)"`, "serve")
	send := func(route, body string) int {
		req, err := http.NewRequest(http.MethodPost, "http://"+match[1]+"/wp-json/autowebinar/v1/users/1/"+route, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer test-service-key")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		return res.StatusCode
	}
	require.Eventually(t, func() bool { return send("enter", `{"webinar_id":"intro"}`) == http.StatusCreated }, time.Minute, 20*time.Millisecond)
	require.Equal(t, http.StatusOK, send("progress", `{"webinar_id":"intro","position_sec":2}`))
	require.Eventually(t, func() bool {
		_, out, errs := runCommand(t, f.env, "purge", "--all")
		return strings.Contains(errs, "a service is running on this table") && strings.Contains(out, "nothing was deleted")
	}, time.Minute, 100*time.Millisecond, "the leader's lock is found")

	code, out, errs := runCommand(t, f.env, "purge", "--user", "1", "--yes")
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, "rows deleted")
	assert.Zero(t, f.count(t, "meta_key LIKE 'autowebinar\\_%'"))
	assert.Equal(t, http.StatusNotFound, send("progress", `{"webinar_id":"intro","position_sec":3}`))
	assert.Equal(t, http.StatusCreated, send("enter", `{"webinar_id":"intro"}`))
	assert.Equal(t, http.StatusOK, send("progress", `{"webinar_id":"intro","position_sec":1}`))
	assert.Equal(t, 1, f.count(t, "meta_key = 'autowebinar_session_id'"))
}
