package browser

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClosingTabLeaves(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.setPage("/elsewhere", `<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">`)
	b := startBrowser(t)

	p := b.tab(t, s.playerURL(`{}`))
	p.exec(`await v.play()`)
	p.waitFor(`a.session && v.currentTime > 3`)
	session := eval[string](p, `a.session.session_id`)
	p.close()
	exit := s.waitForCall(t, "exit", "the tab was closed", func(c call) bool { return c.Status == 200 })
	assert.Equal(t, session, exit.Body["session_id"])
	assert.Equal(t, "user_exit", exit.Body["leave_reason"])
	assert.GreaterOrEqual(t, exit.Body["position_sec"], 3.0)
	s.receiver.WaitFor(t, "1", "entered", "left")

	p = b.tab(t, s.playerURL(`{}`))
	p.exec(`await v.play()`)
	p.waitFor(`a.session && v.currentTime > 6`)
	exits := len(s.callsTo("exit"))
	p.navigate(s.URL + "/elsewhere")
	s.waitForCall(t, "exit", "the page was left", func(c call) bool {
		return len(s.callsTo("exit")) > exits && c.Status == 200 && c.Body["position_sec"].(float64) > 6
	})
	assert.Empty(t, p.consoleErrors(false))
}

func TestBrowserWithoutKeepaliveSendsBeacon(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := startBrowser(t)
	p := b.tab(t, s.playerURL(`{}`))
	p.exec(`delete Request.prototype.keepalive; await v.play()`)
	p.waitFor(`a.session && v.currentTime > 2`)
	p.close()
	exit := s.waitForCall(t, "exit", "a beacon", func(c call) bool { return c.Query.Has("_wpnonce") })
	assert.Contains(t, exit.Header.Get("Content-Type"), "text/plain")
	assert.Equal(t, 200, exit.Status)
	s.receiver.WaitFor(t, "1", "entered", "left")
}

func TestBackForwardCacheResumes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.setPage("/elsewhere", `<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">`)
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	p.exec(`window.kept = true; await v.play()`)
	p.waitFor(`a.session && v.currentTime > 2`)
	p.navigate(s.URL + "/elsewhere")
	s.waitForCall(t, "exit", "the page was left", func(c call) bool { return c.Status == 200 })
	p.exec(`void setTimeout(() => history.back())`)
	p.waitFor(`window.kept`)
	s.waitForCall(t, "resume", "the page is shown again", func(c call) bool { return c.Status == 200 })
	p.exec(`await v.play()`)
	s.waitForRow(t, "last_position_sec", atLeast(5))
	s.receiver.WaitFor(t, "1", "entered", "left")
}

func TestLeaveAndResumeByCode(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	assert.Nil(t, eval[any](p, `a.leave()`), "there is no session yet")
	p.exec(`await v.play()`)
	p.waitFor(`a.session && v.currentTime > 2`)
	left := eval[map[string]any](p, `a.leave('session_end')`)
	assert.NotEmpty(t, left["session_id"])
	assert.True(t, eval[bool](p, `v.paused`))
	assert.Equal(t, "session_end", s.callsTo("exit")[0].Body["leave_reason"])
	p.exec(`await v.play()`)
	s.waitForCall(t, "resume", "playing resumes", func(c call) bool { return c.Status == 200 })
	assert.NotNil(t, eval[map[string]any](p, `a.cta()`)["cta_clicked_at"])
	assert.Equal(t, "intro", eval[map[string]any](p, `a.register({ source: 'a page' })`)["webinar_id"])
	s.receiver.WaitFor(t, "1", "entered", "left", "registered")

	p.exec(`await new Promise((done) => { v.addEventListener('pause', done, { once: true }); v.pause(); })`)
	p.waitFor(`!v.seeking && Object.keys(localStorage).length === 0`) // everything was reported
	s.setPage("/elsewhere", `<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">`)
	before := len(s.callsTo(""))
	p.exec(`a.detach(); await v.play()`)
	p.navigate(s.URL + "/elsewhere")
	p.exec(`await fetch("` + base + `/session")`)
	var routes []string
	for _, c := range s.callsTo("")[before:] {
		routes = append(routes, c.Route)
	}
	assert.Equal(t, []string{"session"}, routes, "a detached player sends nothing")
}
