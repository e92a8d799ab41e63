package site

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testBlock checks that the block prints the player and that the editor supports it.
func testBlock(t *testing.T, s *site) {
	page := s.addPage(t, "With the block", `<!-- wp:autowebinar/player {"id":"pro","src":"/wp-content/uploads/webinar.mp4","poster":"/poster.png"} /-->`)
	editor := s.addAdmin(t, "editor")
	p := newVisitor(t, s).logIn(t, "editor")
	p.navigate(t, page)
	p.waitFor(t, `document.querySelector('.autowebinar video[poster$="/poster.png"]')`)
	p.eval(t, nil, `document.querySelector('video').play()`)
	require.Eventually(t, func() bool { return s.row(t, editor, "autowebinar_session_id") != "" }, waitTimeout, 50*time.Millisecond)

	var id int
	s.eval(t, &id, `return url_to_postid(%q);`, page)
	p.navigate(t, fmt.Sprintf("%s/wp-admin/post.php?post=%d&action=edit", s.home, id))
	p.waitFor(t, `window.wp?.blocks?.getBlockType('autowebinar/player')`)
	p.waitFor(t, `wp.data.select('core/block-editor').getBlocks()[0]?.attributes.id === 'pro'`)
	assert.Equal(t, "autowebinar/player", p.evalText(t, `wp.data.select('core/block-editor').getBlocks()[0].name`), "the editor supports the block")
	p.waitFor(t, `[document, document.querySelector('iframe[name="editor-canvas"]')?.contentDocument].some((d) => d?.querySelector('[data-type="autowebinar/player"] input')?.value === 'pro')`)
	p.eval(t, nil, `wp.data.dispatch('core/preferences')?.set('core/edit-post', 'welcomeGuide', false)`)
	p.screenshot(t, "block.png")
}

// testPlayerMarkup checks the HTML of the player, which only logged-in users get.
func testPlayerMarkup(t *testing.T, s *site) {
	render := func(user int, shortcode string) (printed string) {
		s.eval(t, &printed, `wp_set_current_user(%d); return do_shortcode(base64_decode('%s'));`, user, base64Of(shortcode))
		return printed
	}
	good := `[autowebinar id="intro" src="https://cdn.example.test/a.mp4?x=1&y=2" cta='Say "yes" <now>' cta_url="javascript:alert(1)"]`
	printed := render(1, good)
	assert.Contains(t, printed, `src="https://cdn.example.test/a.mp4?x=1&#038;y=2"`)
	assert.Contains(t, printed, `Say &quot;yes&quot;`)
	assert.NotContains(t, printed, "<now>")
	assert.NotContains(t, printed, "javascript:")
	assert.Contains(t, printed, `"base":"/wp-json/autowebinar/v1"`)
	assert.Contains(t, printed, `"nonceUrl":"/wp-admin/admin-ajax.php?action=rest-nonce"`)
	assert.NotContains(t, render(0, good), "<video")
	for _, bad := range []string{`[autowebinar]`, `[autowebinar id="intro"]`, `[autowebinar id="In tro" src="a.mp4"]`, `[autowebinar src="a.mp4"]`} {
		assert.Contains(t, render(1, bad), "needs a webinar id", "editors see the error")
		assert.Empty(t, render(0, bad), "visitors do not")
	}
	// Two players on one page.
	two := render(1, good+good)
	assert.Equal(t, 2, strings.Count(two, "<video"))
	assert.Equal(t, 1, strings.Count(two, `id="autowebinar-1"`))
}

// testProfile checks the section on user profiles, which only administrators see.
func testProfile(t *testing.T, s *site) {
	user := s.addUser(t, "shown")
	c := newClient(t, s, "shown")
	c.must(t, 201, "/register", `{"webinar_id":"pro","source":"mail"}`)
	c.must(t, 201, "/enter", `{"webinar_id":"intro"}`)
	s.ageSession(t, user)
	c.must(t, 200, "/progress", `{"webinar_id":"intro","position_sec":3}`)
	s.expectActions(t, user, "client_webinar_registered", "client_webinar_entered")

	s.addAdmin(t, "looking")
	p := newVisitor(t, s).logIn(t, "looking")
	p.navigate(t, fmt.Sprintf("%s/wp-admin/user-edit.php?user_id=%d", s.home, user))
	p.waitFor(t, `document.querySelectorAll('#autowebinar-profile tbody tr').length === 2`)
	assert.Regexp(t, `intro\s+0 %\s+0:00:03`, p.evalText(t, `document.querySelector('#autowebinar-profile tbody tr').innerText`))
	assert.Contains(t, p.evalText(t, `document.querySelector('#autowebinar-profile + p').innerText`), "Pending events: 0")
	p.do(t, chromedp.ScrollIntoView(chromedp.ID("autowebinar-profile")))
	p.screenshot(t, "profile.png")

	own := newVisitor(t, s).logIn(t, "shown")
	own.navigate(t, s.home+"/wp-admin/profile.php")
	own.waitFor(t, `document.querySelector('#your-profile') && !document.body.innerText.includes('AutoWebinar')`)
}

// testPersonalData exports and erases the data of a user, with pending events, with
// the tools of WordPress.
func testPersonalData(t *testing.T, s *site) {
	user := s.addUser(t, "private")
	c := newClient(t, s, "private")
	c.must(t, 201, "/register", `{"webinar_id":"pro","source":"mail"}`)
	session := c.must(t, 201, "/enter", `{"webinar_id":"intro"}`).Body["session_id"]
	s.expectActions(t, user, "client_webinar_registered", "client_webinar_entered")
	// The event of the exit cannot be delivered, so that it is pending.
	broken := filepath.Join(s.content(), fmt.Sprintf("broken-%d", user))
	require.NoError(t, os.WriteFile(broken, []byte("throw"), 0o600))
	c.must(t, 201, "/enter", `{"webinar_id":"pro"}`)
	c.must(t, 200, "/exit", `{"webinar_id":"pro"}`)

	var exported string
	s.eval(t, &exported, `
		$groups = array();
		foreach (apply_filters('wp_privacy_personal_data_exporters', array()) as $key => $exporter) {
			$page = 1;
			do {
				$answer = call_user_func($exporter['callback'], 'private@example.test', $page++);
				foreach ($answer['data'] as $item) { $groups[$item['group_label']][] = $item['data']; }
			} while (!$answer['done']);
		}
		require_once ABSPATH . 'wp-admin/includes/privacy-tools.php';
		$html = '';
		foreach ($groups as $label => $items) {
			$html .= wp_privacy_generate_personal_data_export_group_html(array('group_label' => $label, 'items' => $items), sanitize_title($label), count($groups));
		}
		return $html;`)
	text := html.UnescapeString(exported)
	for _, want := range []string{"Webinar sessions", "Webinar registrations", "Pending webinar events", fmt.Sprint(session), "client_webinar_left", "intro", "pro"} {
		assert.Contains(t, text, want)
	}

	// An administrator erases the data.
	s.addAdmin(t, "erasing")
	p := newVisitor(t, s).logIn(t, "erasing")
	p.navigate(t, s.home+"/wp-admin/erase-personal-data.php")
	p.do(t, chromedp.SetValue(chromedp.ID("username_or_email_for_privacy_request"), "private@example.test"))
	p.eval(t, nil, `document.querySelector('#send_confirmation_email')?.click()`)
	p.do(t, chromedp.Click(chromedp.CSS("#submit")))
	p.waitFor(t, `document.querySelector('.remove-personal-data-handle') && document.readyState === 'complete'`)
	p.eval(t, nil, `document.querySelector('.remove-personal-data-handle').click()`)
	require.Eventually(t, func() bool {
		var left int
		require.NoError(t, s.db.GetContext(t.Context(), &left, "SELECT COUNT(*) FROM "+s.usermeta+" WHERE user_id = ? AND meta_key LIKE 'autowebinar\\_%'", user))
		return left == 0
	}, waitTimeout, 100*time.Millisecond)
	p.waitFor(t, `document.body.innerText.includes('already delivered to other systems')`)
	p.eval(t, nil, `document.querySelector('table.requests, table.wp-list-table').scrollIntoView({block: 'center'})`)
	p.screenshot(t, "erase.png")

	require.NoError(t, os.Remove(broken))
	c.must(t, 404, "/session?webinar_id=intro", "")
	c.must(t, 201, "/enter", `{"webinar_id":"intro"}`)
	actions := s.expectActions(t, user, "client_webinar_registered", "client_webinar_entered", "client_webinar_entered")
	assert.NotEqual(t, actions[1].Meta["id"], actions[2].Meta["id"], "a new session; the erased event is not delivered")
}

// evalText evaluates an expression and returns the resulting string.
func (p *visitor) evalText(t testing.TB, expression string) (text string) {
	t.Helper()
	p.eval(t, &text, "%s", expression)
	return text
}

// screenshot takes a screenshot for the documentation if SITE_PICTURES is set:
//
//	SITE_PICTURES=../../api/wordpress/pictures go test ./internal/site
func (p *visitor) screenshot(t testing.TB, name string) {
	t.Helper()
	dir := os.Getenv("SITE_PICTURES")
	if dir == "" || p.site.release != newest(t) {
		return
	}
	image, err := runAction(p, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), image, 0o644))
}
