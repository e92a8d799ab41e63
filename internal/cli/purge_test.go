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

func TestPurgeShowsFirstAndDeletesWithYes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		flags   []string
		out     string // without --yes
		warning string
		left    int // users with rows
	}{
		"one viewer":            {[]string{"--user", "2"}, "6 rows of 1 user: 2\n", "1 event among them not delivered", 4},
		"a viewer without rows": {[]string{"--user", "99"}, "0 rows of 0 users\n", "", 5},
		"who was deleted":       {[]string{"--orphans"}, "4 rows of 1 user: 5\n", "", 4},
		"all":                   {[]string{"--all"}, "30 rows of 5 users: 1, 2, 3, 4, 5\n", "1 event among them", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := audience(t)
			x.leave(t, 2, "intro")
			x.exec(t, "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) SELECT ID, 'nickname', 'x' FROM wp_users")
			before := x.Checksum(t)
			code, out, errs := ask(t, x.env, append([]string{"purge"}, test.flags...)...)
			assert.Equal(t, 0, code, errs)
			assert.Equal(t, test.out+"nothing was deleted: repeat with --yes\n", out)
			assert.Contains(t, errs, test.warning)
			assert.Equal(t, test.warning == "", errs == "")
			assert.Equal(t, before, x.Checksum(t))

			code, out, errs = ask(t, x.env, append([]string{"purge", "--yes"}, test.flags...)...)
			assert.Equal(t, 0, code, errs)
			assert.Equal(t, test.out+strings.Split(test.out, " ")[0]+" rows deleted\n", out)
			assert.Equal(t, 4, x.count(t, "meta_key = 'nickname'"))
			var left int
			require.NoError(t, x.SQL.Get(&left, "SELECT COUNT(DISTINCT user_id) FROM wp_usermeta WHERE meta_key LIKE 'autowebinar\\_%'"))
			assert.Equal(t, test.left, left)

			code, out, _ = ask(t, x.env, append([]string{"purge", "--yes", "--json"}, test.flags...)...)
			assert.Equal(t, 0, code)
			assert.JSONEq(t, `{"users":0,"user_ids":[],"rows":0,"undelivered_events":0,"deleted_rows":0,"dry_run":false}`, out, "safe to repeat")
		})
	}
}

// Whom --yes would hit is said, but not a million times.
func TestPurgeNamesABoundedNumberOfUsers(t *testing.T) {
	t.Parallel()
	p := purgeResult{Users: 12_345}
	for id := range maxUserIDs {
		p.UserIDs = append(p.UserIDs, webinar.UserID(id+1))
	}
	assert.True(t, strings.HasPrefix(p.whose(), ": 1, 2, 3, "), p.whose())
	assert.True(t, strings.HasSuffix(p.whose(), ", 99, 100 and 12245 more (see --json)"), p.whose())
	p.choose(make([]webinar.UserID, 12_345))
	assert.Len(t, p.UserIDs, maxUserIDs)
	assert.Equal(t, 2_345, p.Unlisted, "said in JSON as well")

	x := audience(t)
	code, out, errs := ask(t, x.env, "purge", "--orphans", "--json")
	assert.Equal(t, 0, code, errs)
	assert.JSONEq(t, `{"users":1,"user_ids":[5],"rows":4,"undelivered_events":0,"deleted_rows":0,"dry_run":true}`, out)
}

// The users table of another, smaller site has the lowest ids all the same.
func TestPurgeDoubtsThatMostAreGone(t *testing.T) {
	t.Parallel()
	const users = 1200
	for there, doubt := range map[int]bool{0: true, users/2 - 1: true, users / 2: false} {
		t.Run(fmt.Sprint(there, " are there"), func(t *testing.T) {
			t.Parallel()
			x := newTable(t, 0)
			var members, rows []string
			for id := 1; id <= users; id++ {
				if rows = append(rows, fmt.Sprintf("(%d, 'autowebinar_completed', '1')", id)); id <= there {
					members = append(members, fmt.Sprintf("(%d, '%d', '2026-01-02')", id, id))
				}
			}
			x.exec(t, "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES "+strings.Join(rows, ", "))
			if there > 0 {
				x.exec(t, "INSERT INTO wp_users (ID, user_login, user_registered) VALUES "+strings.Join(members, ", "))
			}
			code, out, errs := ask(t, x.env, "purge", "--orphans", "--yes")
			if doubt {
				assert.Equal(t, 1, code)
				assert.Empty(t, out)
				assert.Contains(t, errs, fmt.Sprintf("of %d users with rows, wp_users has %d", users, there))
				assert.Contains(t, errs, "AUTOWEBINAR_USERS_TABLE")
				assert.Contains(t, errs, "--force")
				assert.Equal(t, users, x.count(t, "meta_key = 'autowebinar_completed'"))
				code, _, errs = ask(t, x.env, "purge", "--orphans", "--yes", "--force")
			}
			assert.Equal(t, 0, code, errs)
			assert.Equal(t, there, x.count(t, "meta_key = 'autowebinar_completed'"))
		})
	}
}

// A server that gives no answer is no reason to ask for more courage.
func TestPurgeOffersForceForThatDoubtOnly(t *testing.T) {
	t.Parallel()
	x := newTable(t, 1)
	x.exec(t, "REVOKE SELECT ON wp_users FROM '"+x.Name+"'@'%'")
	code, _, errs := ask(t, x.env, "purge", "--orphans", "--yes")
	assert.Equal(t, 1, code)
	assert.NotEmpty(t, errs)
	assert.NotContains(t, errs, "--force")
}

// Beside a running service: a viewer who watches is deleted whole; the next
// report is refused, and the player's next entry begins a new session.
func TestAViewerWhoWatchesIsPurgedWhole(t *testing.T) {
	t.Parallel()
	x := newTable(t, 1)
	env := replace(replace(x.env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:0"), "AUTOWEBINAR_SERVICE_KEYS=key-of-the-scenario-engine")
	found, _ := begin(t, env, `"address":"([^"]+)"`, "serve")
	send := func(route, body string) int {
		req, err := http.NewRequest(http.MethodPost, "http://"+found[1]+"/wp-json/autowebinar/v1/users/1/"+route, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer key-of-the-scenario-engine")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		return res.StatusCode
	}
	require.Eventually(t, func() bool { return send("enter", `{"webinar_id":"intro"}`) == http.StatusCreated }, time.Minute, 20*time.Millisecond)
	require.Equal(t, http.StatusOK, send("progress", `{"webinar_id":"intro","position_sec":2}`))
	require.Eventually(t, func() bool {
		_, out, errs := ask(t, x.env, "purge", "--all")
		return strings.Contains(errs, "a service is running on this table") && strings.Contains(out, "nothing was deleted")
	}, time.Minute, 100*time.Millisecond, "the dispatcher's lock is seen")

	code, out, errs := ask(t, x.env, "purge", "--user", "1", "--yes")
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, "rows deleted")
	assert.Zero(t, x.count(t, "meta_key LIKE 'autowebinar\\_%'"))
	assert.Equal(t, http.StatusNotFound, send("progress", `{"webinar_id":"intro","position_sec":3}`))
	assert.Equal(t, http.StatusCreated, send("enter", `{"webinar_id":"intro"}`))
	assert.Equal(t, http.StatusOK, send("progress", `{"webinar_id":"intro","position_sec":1}`))
	assert.Equal(t, 1, x.count(t, "meta_key = 'autowebinar_session_id'"))
}
