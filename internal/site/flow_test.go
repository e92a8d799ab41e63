package site

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The stories of one site are told at the same time, each of people of its own.
func TestSite(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, r release) {
		s := newSite(t, r, options{})
		for name, story := range map[string]func(*testing.T, *site){
			"a viewer watches a webinar":          testViewing,
			"all six events reach listeners":      testAllEvents,
			"a repeat is heard once":              testRepeatedDelivery,
			"forged and stale webhooks":           testRefusedWebhooks,
			"webhooks of what does not wait":      testUnknownDelivery,
			"a listener that fails":               testFailingListener,
			"a viewer is deleted meanwhile":       testUserDeletedDuringDelivery,
			"what ends a login":                   testLoginsEnd,
			"wp.apiFetch":                         testAPIFetch,
			"the block":                           testBlock,
			"an administrator looks at a profile": testProfile,
			"a person's data":                     testPersonalData,
			"what waits is exported":              testExportPendingEvents,
			"an erasure that cannot be":           testEraseFailure,
			"an export that cannot be":            testExportFailure,
			"a user who cannot be read":           testUnreadableUserIsKept,
			"replicas that lag":                   testLaggingReplica,
			"check proves the salts":              testCheckLogin,
			"who may see the player, and where":   testPlayerMarkup,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				story(t, s)
			})
		}
	})
}

func testViewing(t *testing.T, s *site) {
	anna := s.addUser(t, "anna")
	page := s.addPage(t, "Introduction", `[autowebinar id="intro" src="/wp-content/uploads/webinar.mp4" cta="Book a call" cta_url="https://example.test/book"]`)

	// A visitor is asked to log in.
	p := newVisitor(t, s)
	p.navigate(t, page)
	p.waitFor(t, `document.querySelector('.autowebinar-login a[href*="wp-login.php"]') && !document.querySelector('video')`)

	// She does, watches, leaves half-way and comes back.
	p.logIn(t, "anna")
	p.navigate(t, page)
	p.watch(t, 32, func() bool { return s.row(t, anna, "autowebinar_progress_percent") >= "50" })
	p.eval(t, nil, `(() => { document.querySelector('video').pause(); document.querySelector('.autowebinar-cta a').dispatchEvent(new MouseEvent('click')); })()`)
	require.Eventually(t, func() bool { return s.row(t, anna, "autowebinar_cta_clicked_at") != "" }, 20*time.Second, 50*time.Millisecond)
	p.screenshot(t, "player.png")
	p.navigate(t, "about:blank")
	require.Eventually(t, func() bool { return s.row(t, anna, "autowebinar_left_at") != "" }, 20*time.Second, 50*time.Millisecond)

	// WordPress reads what the service wrote ...
	assert.Contains(t, []string{"50", "75"}, s.meta(t, anna, "autowebinar_progress_percent"))
	session := s.meta(t, anna, "autowebinar_session_id")
	assert.Len(t, session, 36)
	// ... and the service reads what WordPress writes.
	s.eval(t, nil, `return update_user_meta(%d, 'autowebinar_last_position_sec', 40) && update_user_meta(%d, 'autowebinar_furthest_sec', 45);`, anna, anna)
	p.navigate(t, page)
	p.eval(t, nil, `document.querySelector('video').play()`)
	p.waitFor(t, `document.querySelector('video').currentTime >= 40`)
	p.watch(t, 600, func() bool { return s.row(t, anna, "autowebinar_completed") == "1" })
	assert.Equal(t, session, s.meta(t, anna, "autowebinar_session_id"), "one session")

	// Listeners of the site have heard it all, in order.
	s.expectActions(t, anna, "client_webinar_entered", "client_webinar_left", "client_webinar_completed", "client_webinar_attendance_classified")
}

// stored is the value of a row, "" if there is none; more than one fail the test.
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

// hears waits until the site's listeners have been told of these events of a
// user, in this order and each once, and none is waiting.
func (s *site) expectActions(t testing.TB, user uint64, actions ...string) []action {
	t.Helper()
	heard := s.waitForActions(t, user, len(actions))
	var names []string
	for _, n := range heard {
		names = append(names, n.Action)
	}
	require.Equal(t, actions, names)
	return heard
}

// hearsAny is hears in whatever order.
func (s *site) waitForActions(t testing.TB, user uint64, count int) (heard []action) {
	t.Helper()
	require.Eventually(t, func() bool {
		return len(s.actionsOf(t, user)) >= count && s.countPending(t, user) == 0
	}, 30*time.Second, 20*time.Millisecond, "%d events of user %d", count, user)
	heard = s.actionsOf(t, user)
	require.Len(t, heard, count)
	return heard
}

// heard is what the listeners have been told of a user until now.
func (s *site) actionsOf(t testing.TB, user uint64) (heard []action) {
	t.Helper()
	for _, n := range s.recordedActions(t) {
		if id, ok := n.Meta["user_id"].(float64); ok && uint64(id) == user {
			heard = append(heard, n)
		}
	}
	return heard
}

// waiting is how many events of a user the service has yet to deliver.
func (s *site) countPending(t testing.TB, user uint64) (count int) {
	t.Helper()
	require.NoError(t, s.db.GetContext(t.Context(), &count,
		"SELECT COUNT(*) FROM "+s.usermeta+" WHERE user_id = ? AND meta_key IN ('autowebinar_outbox', 'autowebinar_outbox_wait')", user))
	return count
}
