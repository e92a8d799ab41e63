package site

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The stories of one site are told at the same time, each of people of its own.
func TestASite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r release) {
		s := newSite(t, r, plan{})
		for name, story := range map[string]func(*testing.T, *site){
			"a viewer watches a webinar":          viewerWatches,
			"all six events reach listeners":      listenersHear,
			"a repeat is heard once":              repeatIsHeardOnce,
			"forged and stale webhooks":           webhooksAreRefused,
			"webhooks of what does not wait":      strangersAreUnknown,
			"a listener that fails":               listenerFails,
			"a viewer is deleted meanwhile":       viewerIsDeletedMeanwhile,
			"what ends a login":                   loginsEnd,
			"wp.apiFetch":                         apiFetchCalls,
			"the block":                           blockIsShown,
			"an administrator looks at a profile": profileIsShown,
			"a person's data":                     dataIsExportedAndErased,
			"what waits is exported":              waitingIsExported,
			"an erasure that cannot be":           erasureFails,
			"an export that cannot be":            exportFails,
			"a user who cannot be read":           unreadIsNotGone,
			"replicas that lag":                   replicasLag,
			"check proves the salts":              checkProvesTheSalts,
			"who may see the player, and where":   playerIsPrinted,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				story(t, s)
			})
		}
	})
}

func viewerWatches(t *testing.T, s *site) {
	anna := s.addUser(t, "anna")
	page := s.addPage(t, "Introduction", `[autowebinar id="intro" src="/wp-content/uploads/webinar.mp4" cta="Book a call" cta_url="https://example.test/book"]`)

	// A visitor is asked to log in.
	p := newPerson(t, s)
	p.visits(t, page)
	p.sees(t, `document.querySelector('.autowebinar-login a[href*="wp-login.php"]') && !document.querySelector('video')`)

	// She does, watches, leaves half-way and comes back.
	p.logsIn(t, "anna")
	p.visits(t, page)
	p.watches(t, 32, func() bool { return s.stored(t, anna, "autowebinar_progress_percent") >= "50" })
	p.js(t, nil, `(() => { document.querySelector('video').pause(); document.querySelector('.autowebinar-cta a').dispatchEvent(new MouseEvent('click')); })()`)
	require.Eventually(t, func() bool { return s.stored(t, anna, "autowebinar_cta_clicked_at") != "" }, 20*time.Second, 50*time.Millisecond)
	p.picture(t, "player.png")
	p.visits(t, "about:blank")
	require.Eventually(t, func() bool { return s.stored(t, anna, "autowebinar_left_at") != "" }, 20*time.Second, 50*time.Millisecond)

	// WordPress reads what the service wrote ...
	assert.Contains(t, []string{"50", "75"}, s.meta(t, anna, "autowebinar_progress_percent"))
	session := s.meta(t, anna, "autowebinar_session_id")
	assert.Len(t, session, 36)
	// ... and the service reads what WordPress writes.
	s.eval(t, nil, `return update_user_meta(%d, 'autowebinar_last_position_sec', 40) && update_user_meta(%d, 'autowebinar_furthest_sec', 45);`, anna, anna)
	p.visits(t, page)
	p.js(t, nil, `document.querySelector('video').play()`)
	p.sees(t, `document.querySelector('video').currentTime >= 40`)
	p.watches(t, 600, func() bool { return s.stored(t, anna, "autowebinar_completed") == "1" })
	assert.Equal(t, session, s.meta(t, anna, "autowebinar_session_id"), "one session")

	// Listeners of the site have heard it all, in order.
	s.hears(t, anna, "client_webinar_entered", "client_webinar_left", "client_webinar_completed", "client_webinar_attendance_classified")
}

// stored is the value of a row, "" if there is none; more than one fail the test.
func (s *site) stored(t testing.TB, user uint64, key string) string {
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
func (s *site) hears(t testing.TB, user uint64, actions ...string) []noted {
	t.Helper()
	heard := s.hearsAny(t, user, len(actions))
	var names []string
	for _, n := range heard {
		names = append(names, n.Action)
	}
	require.Equal(t, actions, names)
	return heard
}

// hearsAny is hears in whatever order.
func (s *site) hearsAny(t testing.TB, user uint64, count int) (heard []noted) {
	t.Helper()
	require.Eventually(t, func() bool {
		return len(s.heard(t, user)) >= count && s.waiting(t, user) == 0
	}, 30*time.Second, 20*time.Millisecond, "%d events of user %d", count, user)
	heard = s.heard(t, user)
	require.Len(t, heard, count)
	return heard
}

// heard is what the listeners have been told of a user until now.
func (s *site) heard(t testing.TB, user uint64) (heard []noted) {
	t.Helper()
	for _, n := range s.noted(t) {
		if id, ok := n.Meta["user_id"].(float64); ok && uint64(id) == user {
			heard = append(heard, n)
		}
	}
	return heard
}

// waiting is how many events of a user the service has yet to deliver.
func (s *site) waiting(t testing.TB, user uint64) (count int) {
	t.Helper()
	require.NoError(t, s.db.GetContext(t.Context(), &count,
		"SELECT COUNT(*) FROM "+s.usermeta+" WHERE user_id = ? AND meta_key IN ('autowebinar_outbox', 'autowebinar_outbox_wait')", user))
	return count
}
