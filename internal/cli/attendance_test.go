package cli

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

// audience is a table with viewers of "intro": 1 completed it, 2 did not, 3 set
// it aside for "pro"; 4 watches "pro" only, 5 is gone.
func audience(t *testing.T) table {
	t.Helper()
	x := newTable(t, 5)
	for user := webinar.UserID(1); user <= 5; user++ {
		if user != 4 {
			x.enter(t, user, "intro")
		}
	}
	x.complete(t, 1, "intro")
	x.enter(t, 3, "pro")
	x.enter(t, 4, "pro")
	x.exec(t, "DELETE FROM wp_users WHERE ID = 5")
	x.exec(t, "DELETE FROM wp_usermeta WHERE meta_key LIKE 'autowebinar\\_outbox%'") // delivered
	return x
}

// classified are the events in the outbox by webhook id: user and verdict.
func classified(t *testing.T, x table) map[string]string {
	t.Helper()
	var values []string
	require.NoError(t, x.SQL.SelectContext(t.Context(), &values,
		"SELECT CONCAT(user_id, '|', meta_value) FROM wp_usermeta WHERE meta_key LIKE 'autowebinar\\_outbox%' AND meta_value LIKE '%attendance_classified%'"))
	events := map[string]string{}
	for _, value := range values {
		parts := strings.Split(value, "|")
		events[parts[3]] = parts[0] + " " + parts[8]
	}
	return events
}

func TestAttendanceClassifiesEveryViewerOfAWebinarOnce(t *testing.T) {
	t.Parallel()
	x := audience(t)
	before := x.Checksum(t)
	code, out, errs := ask(t, x.env, "attendance", "--webinar", "intro", "--dry-run")
	assert.Equal(t, 0, code, errs)
	assert.Equal(t, "4 viewers of intro: 4 would be classified (1 attended, 3 not), 0 outside the range, 0 gone\n", out)
	assert.Empty(t, errs)
	assert.Equal(t, before, x.Checksum(t), "a dry run changes nothing")

	code, out, errs = ask(t, x.env, "attendance", "--webinar", "intro")
	require.Equal(t, 0, code, errs)
	assert.Equal(t, "4 viewers of intro: 3 classified (1 attended, 2 not), 0 outside the range, 1 gone\n", out)
	id := regexp.MustCompile(`evaluation (\S+)`).FindStringSubmatch(errs)[1]
	assert.Equal(t, uuid.Version(7), uuid.MustParse(id).Version())
	first := classified(t, x)
	verdicts := map[string]bool{}
	for _, verdict := range first {
		verdicts[verdict] = true
	}
	assert.Equal(t, map[string]bool{"1 true": true, "2 false": true, "3 false": true}, verdicts)

	code, out, errs = ask(t, x.env, "attendance", "--webinar", "intro", "--evaluation-id", id)
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, "3 classified")
	assert.Equal(t, first, classified(t, x), "what is on its way is not added again")

	x.exec(t, "DELETE FROM wp_usermeta WHERE meta_key LIKE 'autowebinar\\_outbox%'") // delivered meanwhile
	_, out, _ = ask(t, x.env, "attendance", "--webinar", "intro", "--evaluation-id", id, "--after-user", "1", "--json")
	var view attendanceSummary
	require.NoError(t, json.Unmarshal([]byte(out), &view))
	assert.Equal(t, id, view.Evaluation.String())
	assert.Equal(t, 3, view.Viewers)
	assert.Equal(t, 2, view.NotAttended)
	for webhookID, verdict := range classified(t, x) {
		assert.Equal(t, first[webhookID], verdict, "the same fact has the same id")
	}

	_, _, errs = ask(t, x.env, "attendance", "--webinar", "intro")
	assert.NotContains(t, errs, id)
	assert.Len(t, classified(t, x), 2+3, "another evaluation is another fact")
}

func TestAttendanceOfARangeOfLastSeen(t *testing.T) {
	t.Parallel()
	x := audience(t)
	for user, seen := range map[int]string{1: "2026-01-01 10:00:00", 2: "2026-01-02 10:00:00", 3: "2026-01-03 10:00:00"} {
		x.exec(t, "UPDATE wp_usermeta SET meta_value = ? WHERE user_id = ? AND meta_key IN ('autowebinar_last_seen_at', 'autowebinar_last_seen_at@intro')", seen, user)
	}
	for _, test := range []struct {
		flags      []string
		classified int
	}{
		{[]string{"--last-seen-from", "2026-01-02"}, 3}, // user 5 has been seen just now
		{[]string{"--last-seen-to", "2026-01-02"}, 1},
		{[]string{"--last-seen-from", "2026-01-01T10:00:00Z", "--last-seen-to", "2026-01-02 10:00:00"}, 1},
		{[]string{"--last-seen-from", "2026-01-01 10:00:01", "--last-seen-to", "2026-01-03T11:00:00+01:00"}, 1},
		{[]string{"--last-seen-to", "2025-01-01"}, 0},
	} {
		args := append([]string{"attendance", "--webinar", "intro", "--dry-run", "--json"}, test.flags...)
		code, out, errs := ask(t, x.env, args...)
		require.Equal(t, 0, code, errs)
		var view attendanceSummary
		require.NoError(t, json.Unmarshal([]byte(out), &view))
		assert.Equal(t, test.classified, view.Attended+view.NotAttended, test.flags)
		assert.Equal(t, 4, view.Viewers)
		assert.Equal(t, 4-test.classified, view.Outside)
		assert.Nil(t, view.Evaluation)
	}
}

func TestAttendanceThatFailsSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	x := audience(t)
	x.exec(t, "REVOKE INSERT ON wp_usermeta FROM '"+x.Name+"'@'%'")
	code, _, errs := ask(t, x.env, "attendance", "--webinar", "intro")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "write grants", "found before anything is begun")
	assert.Empty(t, classified(t, x))
}

// A run that fails half-way is repeated as it says, and then nobody is missing
// and nobody has two events.
func TestAnAttendanceThatBreaksOffIsResumed(t *testing.T) {
	t.Parallel()
	x := audience(t)
	x.exec(t, "CREATE TRIGGER trouble BEFORE INSERT ON wp_usermeta FOR EACH ROW IF NEW.user_id = 3 THEN SIGNAL SQLSTATE '45000'; END IF")
	code, out, errs := ask(t, x.env, "attendance", "--webinar", "intro")
	assert.Equal(t, 1, code)
	assert.Empty(t, out)
	advice := regexp.MustCompile(`repeat with (--evaluation-id \S+)`).FindStringSubmatch(errs)
	require.NotNil(t, advice, errs)
	x.exec(t, "DROP TRIGGER trouble")
	code, out, errs = ask(t, x.env, append([]string{"attendance", "--webinar", "intro"}, strings.Fields(advice[1])...)...)
	assert.Equal(t, 0, code, errs)
	assert.Contains(t, out, "3 classified (1 attended, 2 not)")
	assert.Len(t, classified(t, x), 3)
	assert.Equal(t, 3, x.count(t, "meta_value LIKE '%attendance_classified%'"))
	assert.Contains(t, evaluation{}.resumeHint(7), "--after-user 7")
}

func TestAttendanceRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	env := replace(replace(environ(newTable(t, 0).DB, "http://127.0.0.1:1/"), "AUTOWEBINAR_WEBHOOK_URL=off"), "AUTOWEBINAR_WEBHOOK_SECRET="+testSecret)
	for _, test := range []struct {
		args []string
		code int
		err  string
	}{
		{[]string{"attendance"}, 2, "--webinar is required"},
		{[]string{"attendance", "--webinar", "Intro!"}, 2, "flag -webinar: must be a webinar id"},
		{[]string{"attendance", "--webinar", "intro", "--last-seen-from", "monday"}, 2, "flag -last-seen-from: must be a time"},
		{[]string{"attendance", "--webinar", "intro", "--last-seen-from", "2026-01-02", "--last-seen-to", "2026-01-02"}, 2, "must be before"},
		{[]string{"attendance", "--webinar", "intro", "--evaluation-id", "mine"}, 2, "flag -evaluation-id: must be a UUID"},
		{[]string{"attendance", "--webinar", "intro"}, 1, "AUTOWEBINAR_WEBHOOK_URL is off"},
		{[]string{"export"}, 2, "--webinar is required"},
		{[]string{"export", "--webinar", "intro", "--format", "xlsx"}, 2, `--format must be csv, not "xlsx"`},
		{[]string{"purge"}, 2, "give one of --user, --orphans, --all"},
		{[]string{"purge", "--user", "1", "--all"}, 2, "give one of --user, --orphans, --all"},
		{[]string{"purge", "--user", "0"}, 2, "flag -user: must be a WordPress user id"},
	} {
		code, _, errs := ask(t, env, test.args...)
		assert.Equal(t, test.code, code, test.args)
		assert.Contains(t, errs, test.err)
	}
}

func TestAges(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"7d": 168 * time.Hour, "36h": 36 * time.Hour, "1.5d": 36 * time.Hour, "90m": 90 * time.Minute} {
		age, err := parseAge(text)
		require.NoError(t, err)
		assert.Equal(t, want, age)
	}
	for _, text := range []string{"", "d", "-1d", "0", "NaNd", "Infd", "1e9d", "week"} {
		_, err := parseAge(text)
		assert.Error(t, err, text)
	}
}
