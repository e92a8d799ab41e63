package site

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSite runs all scenarios on one site at the same time, each with separate
// users.
func TestSite(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, r release) {
		s := newSite(t, r, options{})
		for name, test := range map[string]func(*testing.T, *site){
			"viewing":                      testViewing,
			"all events":                   testAllEvents,
			"repeated delivery":            testRepeatedDelivery,
			"rejected webhooks":            testRejectedWebhooks,
			"unknown delivery":             testUnknownDelivery,
			"failing listener":             testFailingListener,
			"user deleted during delivery": testUserDeletedDuringDelivery,
			"ended logins":                 testLoginsEnd,
			"wp.apiFetch":                  testAPIFetch,
			"block":                        testBlock,
			"profile":                      testProfile,
			"personal data":                testPersonalData,
			"export of pending events":     testExportPendingEvents,
			"erase failure":                testEraseFailure,
			"export failure":               testExportFailure,
			"unreadable user":              testUnreadableUserIsKept,
			"lagging replica":              testLaggingReplica,
			"check -login":                 testCheckLogin,
			"player markup":                testPlayerMarkup,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, s)
			})
		}
	})
}

func testViewing(t *testing.T, s *site) {
	anna := s.addUser(t, "anna")
	page := s.addPage(t, "Introduction", `[autowebinar id="intro" src="/wp-content/uploads/webinar.mp4" cta="Book a call" cta_url="https://example.test/book"]`)

	// Visitors see a link to the login.
	p := newVisitor(t, s)
	p.navigate(t, page)
	p.waitFor(t, `document.querySelector('.autowebinar-login a[href*="wp-login.php"]') && !document.querySelector('video')`)

	// She logs in, watches half of the webinar, leaves and resumes.
	p.logIn(t, "anna")
	p.navigate(t, page)
	p.watch(t, 32, func() bool { return s.row(t, anna, "autowebinar_progress_percent") >= "50" })
	p.eval(t, nil, `(() => { document.querySelector('video').pause(); document.querySelector('.autowebinar-cta a').dispatchEvent(new MouseEvent('click')); })()`)
	require.Eventually(t, func() bool { return s.row(t, anna, "autowebinar_cta_clicked_at") != "" }, waitTimeout, 50*time.Millisecond)
	p.screenshot(t, "player.png")
	p.navigate(t, "about:blank")
	require.Eventually(t, func() bool { return s.row(t, anna, "autowebinar_left_at") != "" }, waitTimeout, 50*time.Millisecond)

	// WordPress reads the rows of the service, and the service reads those of
	// WordPress.
	assert.Contains(t, []string{"50", "75"}, s.meta(t, anna, "autowebinar_progress_percent"))
	session := s.meta(t, anna, "autowebinar_session_id")
	assert.Len(t, session, 36)
	s.eval(t, nil, `return update_user_meta(%d, 'autowebinar_last_position_sec', 40) && update_user_meta(%d, 'autowebinar_furthest_sec', 45);`, anna, anna)
	p.navigate(t, page)
	p.eval(t, nil, `document.querySelector('video').play()`)
	p.waitFor(t, `document.querySelector('video').currentTime >= 40`)
	p.watch(t, 600, func() bool { return s.row(t, anna, "autowebinar_completed") == "1" })
	assert.Equal(t, session, s.meta(t, anna, "autowebinar_session_id"), "one session")

	s.expectActions(t, anna, "client_webinar_entered", "client_webinar_left", "client_webinar_completed", "client_webinar_attendance_classified")
}

// row returns the value of a row, "" if there is none. More than one fail the test.
func (s *site) row(t testing.TB, user uint64, key string) string {
	t.Helper()
	var values []string
	require.NoError(t, s.db.SelectContext(t.Context(), &values, "SELECT meta_value FROM "+s.usermeta+" WHERE user_id = ? AND meta_key = ?", user, key))
	if len(values) == 0 {
		return ""
	}
	require.Len(t, values, 1, key)
	return values[0]
}

// expectActions waits until exactly these actions have fired for a user, in this
// order, and no event is pending.
func (s *site) expectActions(t testing.TB, user uint64, want ...string) []action {
	t.Helper()
	actions := s.waitForActions(t, user, len(want))
	var names []string
	for _, a := range actions {
		names = append(names, a.Action)
	}
	require.Equal(t, want, names)
	return actions
}

// waitForActions waits until at least these actions have fired for a user, in
// any order.
func (s *site) waitForActions(t testing.TB, user uint64, count int) (actions []action) {
	t.Helper()
	require.Eventually(t, func() bool {
		return len(s.actionsOf(t, user)) >= count && s.countPending(t, user) == 0
	}, waitTimeout, 20*time.Millisecond, "%d events of user %d", count, user)
	actions = s.actionsOf(t, user)
	require.Len(t, actions, count)
	return actions
}

// actionsOf returns the actions that have fired for a user.
func (s *site) actionsOf(t testing.TB, user uint64) (actions []action) {
	t.Helper()
	for _, a := range s.recordedActions(t) {
		if id, ok := a.Meta["user_id"].(float64); ok && uint64(id) == user {
			actions = append(actions, a)
		}
	}
	return actions
}

// countPending returns how many events of a user are not delivered yet.
func (s *site) countPending(t testing.TB, user uint64) (count int) {
	t.Helper()
	require.NoError(t, s.db.GetContext(t.Context(), &count,
		"SELECT COUNT(*) FROM "+s.usermeta+" WHERE user_id = ? AND meta_key IN ('autowebinar_outbox', 'autowebinar_outbox_wait')", user))
	return count
}
