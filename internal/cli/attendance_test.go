package cli

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

// newIntroFixture has viewers of "intro": 1 completed it, 2 did not, 3 parked it
// for "pro", 4 watches "pro" only, 5 is deleted.
func newIntroFixture(t *testing.T) fixture {
	t.Helper()
	f := newFixture(t, 5)
	for user := webinar.UserID(1); user <= 5; user++ {
		if user != 4 {
			f.enter(t, user, "intro")
		}
	}
	f.complete(t, 1, "intro")
	f.enter(t, 3, "pro")
	f.enter(t, 4, "pro")
	f.exec(t, "DELETE FROM wp_users WHERE ID = 5")
	f.exec(t, "DELETE FROM wp_usermeta WHERE meta_key LIKE 'autowebinar\\_outbox%'") // as if delivered
	return f
}

// classifications returns user and result of the events in the outbox by webhook
// id.
func classifications(t *testing.T, f fixture) map[string]string {
	t.Helper()
	var values []string
	require.NoError(t, f.SQL.SelectContext(t.Context(), &values,
		"SELECT CONCAT(user_id, '|', meta_value) FROM wp_usermeta WHERE meta_key LIKE 'autowebinar\\_outbox%' AND meta_value LIKE '%attendance_classified%'"))
	events := map[string]string{}
	for _, value := range values {
		parts := strings.Split(value, "|")
		events[parts[3]] = parts[0] + " " + parts[8]
	}
	return events
}

func TestAttendanceClassifiesEachViewerOnce(t *testing.T) {
	t.Parallel()
	f := newIntroFixture(t)
	before := f.Checksum(t)
	code, out, errs := runCommand(t, f.env, "attendance", "--webinar", "intro", "--dry-run")
	assert.Equal(t, 0, code, errs)
	assert.Equal(t, "4 viewers of intro: 4 would be classified (1 attended, 3 did not attend), 0 outside the period, 0 deleted meanwhile\n", out)
	assert.Empty(t, errs)
	assert.Equal(t, before, f.Checksum(t), "a dry run changes nothing")

	code, out, errs = runCommand(t, f.env, "attendance", "--webinar", "intro")
	require.Equal(t, 0, code, errs)
	assert.Equal(t, "4 viewers of intro: 3 classified (1 attended, 2 did not attend), 0 outside the period, 1 deleted meanwhile\n", out)
	id := regexp.MustCompile(`evaluation (\S+)`).FindStringSubmatch(errs)[1]
	assert.Equal(t, uuid.Version(7), uuid.MustParse(id).Version())
	first := classifications(t, f)
	assert.ElementsMatch(t, []string{"1 true", "2 false", "3 false"}, slices.Collect(maps.Values(first)))

	code, out, errs = runCommand(t, f.env, "attendance", "--webinar", "intro", "--evaluation-id", id)
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, "3 classified")
	assert.Equal(t, first, classifications(t, f), "events in the outbox are not added again")

	f.exec(t, "DELETE FROM wp_usermeta WHERE meta_key LIKE 'autowebinar\\_outbox%'") // as if delivered
	_, out, _ = runCommand(t, f.env, "attendance", "--webinar", "intro", "--evaluation-id", id, "--after-user", "1", "--json")
	var result attendanceResult
	require.NoError(t, json.Unmarshal([]byte(out), &result))
	assert.Equal(t, id, result.Evaluation.String())
	assert.Equal(t, 3, result.Viewers)
	assert.Equal(t, 2, result.NotAttended)
	for webhookID, classification := range classifications(t, f) {
		assert.Equal(t, first[webhookID], classification, "a repeated evaluation has the same ids")
	}

	_, _, errs = runCommand(t, f.env, "attendance", "--webinar", "intro")
	assert.NotContains(t, errs, id)
	assert.Len(t, classifications(t, f), 2+3, "another evaluation has other ids")
}

func TestAttendanceInRangeOfLastSeen(t *testing.T) {
	t.Parallel()
	f := newIntroFixture(t)
	for user, seen := range map[int]string{1: "2026-01-01 10:00:00", 2: "2026-01-02 10:00:00", 3: "2026-01-03 10:00:00"} {
		f.exec(t, "UPDATE wp_usermeta SET meta_value = ? WHERE user_id = ? AND meta_key IN ('autowebinar_last_seen_at', 'autowebinar_last_seen_at@intro')", seen, user)
	}
	for _, test := range []struct {
		flags      []string
		classified int
	}{
		{[]string{"--last-seen-from", "2026-01-02"}, 3}, // user 5 was last seen just now
		{[]string{"--last-seen-to", "2026-01-02"}, 1},
		{[]string{"--last-seen-from", "2026-01-01T10:00:00Z", "--last-seen-to", "2026-01-02 10:00:00"}, 1},
		{[]string{"--last-seen-from", "2026-01-01 10:00:01", "--last-seen-to", "2026-01-03T11:00:00+01:00"}, 1},
		{[]string{"--last-seen-to", "2025-01-01"}, 0},
	} {
		args := append([]string{"attendance", "--webinar", "intro", "--dry-run", "--json"}, test.flags...)
		code, out, errs := runCommand(t, f.env, args...)
		require.Equal(t, 0, code, errs)
		var result attendanceResult
		require.NoError(t, json.Unmarshal([]byte(out), &result))
		assert.Equal(t, test.classified, result.Attended+result.NotAttended, test.flags)
		assert.Equal(t, 4, result.Viewers)
		assert.Equal(t, 4-test.classified, result.OutOfRange)
		assert.Nil(t, result.Evaluation)
	}
}

func TestAttendanceVerifiesDatabaseFirst(t *testing.T) {
	t.Parallel()
	f := newIntroFixture(t)
	f.exec(t, "REVOKE INSERT ON wp_usermeta FROM '"+f.Name+"'@'%'")
	code, _, errs := runCommand(t, f.env, "attendance", "--webinar", "intro")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "write grants", "found before the first change")
	assert.Empty(t, classifications(t, f))
}

// Repeating a failed run with the command in its message creates one event for
// each viewer.
func TestFailedAttendanceIsRepeatable(t *testing.T) {
	t.Parallel()
	f := newIntroFixture(t)
	f.exec(t, "CREATE TRIGGER fail_insert BEFORE INSERT ON wp_usermeta FOR EACH ROW IF NEW.user_id = 3 THEN SIGNAL SQLSTATE '45000'; END IF")
	code, out, errs := runCommand(t, f.env, "attendance", "--webinar", "intro")
	assert.Equal(t, 1, code)
	assert.Empty(t, out)
	hint := regexp.MustCompile(`repeat with (--evaluation-id \S+)`).FindStringSubmatch(errs)
	require.NotNil(t, hint, errs)
	f.exec(t, "DROP TRIGGER fail_insert")
	code, out, errs = runCommand(t, f.env, append([]string{"attendance", "--webinar", "intro"}, strings.Fields(hint[1])...)...)
	assert.Equal(t, 0, code, errs)
	assert.Contains(t, out, "3 classified (1 attended, 2 did not attend)")
	assert.Len(t, classifications(t, f), 3)
	assert.Equal(t, 3, f.count(t, "meta_value LIKE '%attendance_classified%'"))
	assert.Contains(t, attendanceCmd{}.resumeHint(7), "--after-user 7")
}

func TestUsageErrorsOfAttendanceExportAndPurge(t *testing.T) {
	t.Parallel()
	env := withSetting(withSetting(testEnv(newFixture(t, 0).DB, "http://127.0.0.1:1/"), "AUTOWEBINAR_WEBHOOK_URL=off"), "AUTOWEBINAR_WEBHOOK_SECRET="+testSecret)
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
		code, _, errs := runCommand(t, env, test.args...)
		assert.Equal(t, test.code, code, test.args)
		assert.Contains(t, errs, test.err)
	}
}

func TestParseAge(t *testing.T) {
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
