package site

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLayouts checks viewing and delivery for further kinds of sites.
func TestLayouts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		release func(testing.TB) release
		plan    options
	}{
		"plain permalinks":                {newest, options{plainPermalinks: true}},
		"plain permalinks in a directory": {oldest, options{plainPermalinks: true, directory: "/blog"}},
		"directory, regular plugin":       {oldest, options{directory: "/blog", regularPlugin: true}},
		"prefix and custom tables":        {newest, options{prefix: "Shop_7_", users: "people", usermeta: "people_meta"}},
		"Apache":                          {newest, options{apache: true}},
		"Apache, plain permalinks":        {oldest, options{apache: true, plainPermalinks: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.release(t), tt.plan)
			user := s.addUser(t, "guest")
			s.checkViewing(t, user, "guest", s.addPage(t, "Webinar", `[autowebinar id="pro" src="`+s.directory+`/wp-content/uploads/webinar.mp4"]`))
			s.expectActions(t, user, "client_webinar_entered", "client_webinar_left")
		})
	}
}

// checkViewing logs a user in, watches a little, calls the service with wp.apiFetch
// and leaves.
func (s *site) checkViewing(t testing.TB, user uint64, login, page string) {
	t.Helper()
	p := newVisitor(t, s).logIn(t, login)
	p.navigate(t, page)
	p.watch(t, 600, func() bool { return s.row(t, user, "autowebinar_last_position_sec") != "" })
	p.waitFor(t, `wp.apiFetch({path: '/autowebinar/v1/session?webinar_id=pro'}).then((r) => r.webinar_id === 'pro')`)
	p.navigate(t, "about:blank")
	require.Eventually(t, func() bool { return s.row(t, user, "autowebinar_left_at") != "" }, waitTimeout, 50*time.Millisecond)
	assert.Equal(t, s.row(t, user, "autowebinar_session_id"), s.meta(t, user, "autowebinar_session_id"))
}

// TestMultisite checks that the sites of a network share their users and the
// service.
func TestMultisite(t *testing.T) {
	t.Parallel()
	s := newSite(t, newest(t), options{multisite: true})
	user := s.addUser(t, "guest")
	var second string
	s.eval(t, &second, `
		$id = wpmu_create_blog(DOMAIN_CURRENT_SITE, '/two/', 'Second', 1);
		if (is_wp_error($id)) { return $id->get_error_message(); }
		switch_to_blog($id);
		global $wp_rewrite; $wp_rewrite->set_permalink_structure('/%%postname%%/');
		switch_theme('site');
		add_user_to_blog($id, %d, 'subscriber');
		$post = wp_insert_post(wp_slash(array('post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Webinar', 'post_content' => '[autowebinar id="pro" src="/wp-content/uploads/webinar.mp4"]')));
		return get_permalink($post);`, user)
	require.Contains(t, second, "/two/webinar/")

	p := newVisitor(t, s).logIn(t, "guest")
	p.navigate(t, second)
	p.watch(t, 600, func() bool { return s.row(t, user, "autowebinar_last_position_sec") != "" })
	p.navigate(t, "about:blank")
	s.expectActions(t, user, "client_webinar_entered", "client_webinar_left")

	// Leaving one site of the network deletes nothing; leaving the network does.
	s.eval(t, nil, `require_once ABSPATH . 'wp-admin/includes/user.php'; switch_to_blog(get_id_from_blogname('two')); return wp_delete_user(%d);`, user)
	assert.NotEmpty(t, s.row(t, user, "autowebinar_session_id"))
	s.eval(t, nil, `require_once ABSPATH . 'wp-admin/includes/ms.php'; require_once ABSPATH . 'wp-admin/includes/user.php'; return wpmu_delete_user(%d);`, user)
	assert.Empty(t, s.row(t, user, "autowebinar_session_id"))
}

// TestSaltsInTheDatabase checks a site without salts in wp-config.php. WordPress
// then stores them in a table that the service may not read. Cookie logins are
// disabled, and the log and the check command report it.
func TestSaltsInTheDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, oldest(t), options{noSecret: true, salts: map[string]string{"AUTH_KEY": "put your unique phrase here", "LOGGED_IN_KEY": "one", "LOGGED_IN_SALT": "one"}})
	s.addUser(t, "guest")
	c := newClient(t, s, "guest")
	res := c.must(t, http.StatusUnauthorized, "/enter", `{"webinar_id":"intro"}`)
	assert.Equal(t, "rest_not_logged_in", res.Body["code"])
	for _, output := range []string{s.service.Log(), s.runCheck(t, "x\ny\n")} {
		for _, want := range []string{"AUTH_KEY is the sample phrase", "LOGGED_IN_KEY has the same value as LOGGED_IN_SALT", "NONCE_SALT is missing"} {
			assert.Contains(t, output, want)
		}
	}
	assert.NotContains(t, strings.ReplaceAll(s.service.Log(), `"one"`, ""), "unique phrase")
	// Service keys still work. The bridge rejects events while it has no secret.
	s.serviceRequest(t, 201, "/users/1/enter", `{"webinar_id":"intro"}`)
	hook := enteredWebhook(1)
	eventResponse := sendRequest(t, http.DefaultClient, s.bridge(), hook.body, hook.header(t))
	assert.Equal(t, 503, eventResponse.Status)
	assert.Equal(t, "autowebinar_no_secret", eventResponse.Body["code"])
}
