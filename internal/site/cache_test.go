package site

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestPersistentObjectCache checks that a persistent object cache returns stale
// rows of the service, and that the plugin prevents this.
func TestPersistentObjectCache(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, without bool) (s *site, user uint64, read, written string) {
		s = newSite(t, newest(t), options{objectCache: "object-cache.php", noPlugin: without, settings: map[string]string{
			"AUTOWEBINAR_WEBHOOK_URL": "off", "AUTOWEBINAR_MAX_PLAYBACK_RATE": "0",
		}})
		user = s.addUser(t, "cached")
		assert.Empty(t, s.meta(t, user, "autowebinar_session_id"), "WordPress has cached the row")
		c := newClient(t, s, "cached")
		c.must(t, 201, "/enter", `{"webinar_id":"intro"}`)
		c.must(t, 200, "/progress", `{"webinar_id":"intro","position_sec":2}`)
		read = s.meta(t, user, "autowebinar_last_position_sec")

		// PHP has read 2, the service writes 3, and PHP writes 2.
		s.eval(t, nil, `wp_cache_delete(%d, 'user_meta'); return get_user_meta(%d);`, user, user)
		c.must(t, 200, "/progress", `{"webinar_id":"intro","position_sec":3}`)
		s.eval(t, nil, `return update_user_meta(%d, 'autowebinar_last_position_sec', '2');`, user)
		return s, user, read, s.row(t, user, "autowebinar_last_position_sec")
	}
	t.Run("without the plugin", func(t *testing.T) {
		t.Parallel()
		_, _, read, written := run(t, true)
		assert.Empty(t, read, "the cache is stale")
		assert.Equal(t, "3", written, "the update is lost, because 2 is in the cache")
	})
	t.Run("with the plugin", func(t *testing.T) {
		t.Parallel()
		s, user, read, written := run(t, false)
		assert.Equal(t, "2", read)
		assert.Equal(t, "2", written)

		// All functions that read meta are fresh, and other keys are left to the cache.
		var all struct {
			List, All, Exists, Gone, Other any
		}
		s.eval(t, &all, `$all = get_user_meta(%d); return array(
			'list' => get_user_meta(%d, 'autowebinar_last_position_sec'), 'all' => $all['autowebinar_last_position_sec'],
			'exists' => metadata_exists('user', %d, 'autowebinar_session_id'), 'gone' => metadata_exists('user', %d, 'autowebinar_completed'),
			'other' => $all['nickname']);`, user, user, user, user)
		assert.Equal(t, []any{"2"}, all.List)
		assert.Equal(t, []any{"2"}, all.All)
		assert.Equal(t, true, all.Exists)
		assert.Equal(t, false, all.Gone)
		assert.Equal(t, []any{"cached"}, all.Other)
		s.eval(t, nil, `return add_user_meta(%d, 'autowebinar_last_position_sec', '9') && delete_user_meta(%d, 'autowebinar_last_position_sec', '2');`, user, user)
		assert.Equal(t, "9", s.meta(t, user, "autowebinar_last_position_sec"))
	})
}
