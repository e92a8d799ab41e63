package site

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// erasure is the result of the plugin's eraser.
type erasure struct {
	Removed  bool `json:"items_removed"`
	Retained bool `json:"items_retained"`
	Messages []string
	Done     bool
}

// erase runs some PHP code and then the plugin's eraser.
func (s *site) erase(t testing.TB, before, login string) (result erasure) {
	t.Helper()
	s.eval(t, &result, `%s return call_user_func(apply_filters('wp_privacy_personal_data_erasers', array())['autowebinar']['callback'], '%s@example.test', 1);`, before, login)
	assert.True(t, result.Done)
	return result
}

// testEraseFailure checks that failures are reported and that data is retained.
func testEraseFailure(t *testing.T, s *site) {
	user := s.addUser(t, "kept")
	newClient(t, s, "kept").must(t, 201, "/enter", `{"webinar_id":"intro"}`)
	s.expectActions(t, user, "client_webinar_entered")

	for _, pattern := range []string{"^DELETE", "^SELECT.* FROM " + s.users} {
		failed := s.erase(t, failQueries(pattern), "kept")
		assert.Equal(t, erasure{Retained: true, Done: true, Messages: []string{"The webinar data could not be deleted. Please run the erasure again."}}, failed, pattern)
	}
	assert.NotEmpty(t, s.row(t, user, "autowebinar_session_id"))

	// A delivery in progress holds the lock, because it writes a row at its end.
	var lock string
	s.eval(t, &lock, `return AutoWebinar\lock_name(%d);`, user)
	delivery, err := s.db.Connx(t.Context())
	require.NoError(t, err)
	defer delivery.Close()
	var granted bool
	require.NoError(t, delivery.GetContext(t.Context(), &granted, "SELECT GET_LOCK(?, 0)", lock))
	require.True(t, granted)
	busy := s.erase(t, "", "kept")
	assert.Equal(t, erasure{Retained: true, Done: true, Messages: []string{"A webinar event of this person is being delivered. Please run the erasure again."}}, busy)
	assert.NotEmpty(t, s.row(t, user, "autowebinar_session_id"))
	require.NoError(t, delivery.GetContext(t.Context(), &granted, "SELECT RELEASE_LOCK(?)", lock))

	erased := s.erase(t, "", "kept")
	assert.True(t, erased.Removed)
	assert.False(t, erased.Retained)
	assert.Empty(t, s.row(t, user, "autowebinar_session_id"))
	assert.Equal(t, erasure{Done: true, Messages: []string{}}, s.erase(t, "", "kept"), "all rows are deleted")
	assert.Equal(t, erasure{Done: true, Messages: []string{}}, s.erase(t, "", "unknown"))
}

// testUnreadableUserIsKept checks that no row of a user is deleted while the users
// table cannot be read.
func testUnreadableUserIsKept(t *testing.T, s *site) {
	user := s.addUser(t, "unread")
	s.exec(t, "INSERT INTO "+s.usermeta+" (user_id, meta_key, meta_value) VALUES (?, 'autowebinar_session_id', 'kept'), (999998, 'autowebinar_session_id', 'gone')", user)
	s.eval(t, nil, `%s AutoWebinar\delete_orphaned_rows(%d); AutoWebinar\delete_orphaned_rows(999998); return true;`, failQueries("^SELECT.* FROM "+s.users), user)
	assert.Equal(t, "kept", s.row(t, user, "autowebinar_session_id"))
	assert.Empty(t, s.row(t, 999998, "autowebinar_session_id"), "there is no such user")
}

// testExportFailure checks that a failed query is not exported as absence of data.
func testExportFailure(t *testing.T, s *site) {
	s.addUser(t, "unseen")
	exports := func(before, login string) (answer struct {
		Code string
		Done bool
	}) {
		s.eval(t, &answer, `%s $answer = call_user_func(apply_filters('wp_privacy_personal_data_exporters', array())['autowebinar']['callback'], '%s@example.test', 1);
			return is_wp_error($answer) ? array('code' => $answer->get_error_code()) : $answer;`, before, login)
		return answer
	}
	for _, table := range []string{s.users, s.usermeta} {
		failed := exports(failQueries("^SELECT.* FROM "+table), "unseen")
		assert.Equal(t, "autowebinar_unread", failed.Code, "WordPress shows that as an error, %s", table)
	}
	assert.True(t, exports("", "unseen").Done)
	assert.True(t, exports("", "unknown").Done)

	// The profile reports the failure, too.
	var profile string
	s.eval(t, &profile, `wp_set_current_user(1); $user = get_user_by('login', 'unseen'); %s ob_start(); AutoWebinar\render_profile($user); return ob_get_clean();`,
		failQueries("^SELECT meta_key.* FROM "+s.usermeta))
	assert.Contains(t, profile, "could not be read")
}

// testExportPendingEvents checks that all fields of pending events are exported.
func testExportPendingEvents(t *testing.T, s *site) {
	user := s.addUser(t, "awaited")
	for _, event := range []string{
		"1|client_webinar_registered|0bd5a0f6-93d5-4a0c-a6ad-4dd6b9e2b5a0|1790000000|intro|auto||a%20%7C%20page||0|0|0",
		"1|client_webinar_left|0bd5a0f6-93d5-4a0c-a6ad-4dd6b9e2b5a1|1790000000|intro|auto|s-1|network_loss|slot-7|0|0|0",
		"1|client_webinar_attendance_classified|0bd5a0f6-93d5-4a0c-a6ad-4dd6b9e2b5a2|1790000000|intro|auto|s-1|false||0|0|0",
	} {
		s.exec(t, "INSERT INTO "+s.usermeta+" (user_id, meta_key, meta_value) VALUES (?, 'autowebinar_outbox_dead', ?)", user, event)
	}
	var items []map[string]string
	s.eval(t, &items, `$page = call_user_func(apply_filters('wp_privacy_personal_data_exporters', array())['autowebinar']['callback'], 'awaited@example.test', 1);
		return array_map(fn($item) => array_column($item['data'], 'value', 'name'), $page['data']);`)
	const time = "2026-09-21 14:13:20"
	assert.Equal(t, []map[string]string{
		{"Event": "client_webinar_registered", "Webinar": "intro", "Time (UTC)": time, "Source": "a | page"},
		{"Event": "client_webinar_left", "Webinar": "intro", "Time (UTC)": time, "Session": "s-1", "Leave reason": "network_loss", "Slot": "slot-7"},
		{"Event": "client_webinar_attendance_classified", "Webinar": "intro", "Time (UTC)": time, "Session": "s-1", "Attended": "false"},
	}, items)
}
