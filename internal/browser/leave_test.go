package browser

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClosingATabLeaves(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	s.page("/elsewhere", `<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">`)
	b := open(t)

	p := b.tab(t, s.player(`{}`))
	p.does(`await v.play()`)
	p.waits(`a.session && v.currentTime > 3`)
	session := do[string](p, `a.session.session_id`)
	p.close()
	exit := s.hears(t, "exit", "the tab was closed", func(c call) bool { return c.Status == 200 })
	assert.Equal(t, session, exit.Body["session_id"])
	assert.Equal(t, "user_exit", exit.Body["leave_reason"])
	assert.GreaterOrEqual(t, exit.Body["position_sec"], 3.0)
	s.sink.WaitFor(t, "1", "entered", "left")

	p = b.tab(t, s.player(`{}`))
	p.does(`await v.play()`)
	p.waits(`a.session && v.currentTime > 6`)
	exits := len(s.said("exit"))
	p.goTo(s.URL + "/elsewhere")
	s.hears(t, "exit", "the page was left", func(c call) bool {
		return len(s.said("exit")) > exits && c.Status == 200 && c.Body["position_sec"].(float64) > 6
	})
	assert.Empty(t, p.complaints(false))
}

func TestABrowserWithoutKeepaliveSendsABeacon(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	b := open(t)
	p := b.tab(t, s.player(`{}`))
	p.does(`delete Request.prototype.keepalive; await v.play()`)
	p.waits(`a.session && v.currentTime > 2`)
	p.close()
	exit := s.hears(t, "exit", "a beacon", func(c call) bool { return c.Query.Has("_wpnonce") })
	assert.Contains(t, exit.Header.Get("Content-Type"), "text/plain")
	assert.Equal(t, 200, exit.Status)
	s.sink.WaitFor(t, "1", "entered", "left")
}

func TestTheBackForwardCacheComesBack(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	s.page("/elsewhere", `<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">`)
	p := open(t).tab(t, s.player(`{}`))
	p.does(`window.kept = true; await v.play()`)
	p.waits(`a.session && v.currentTime > 2`)
	p.goTo(s.URL + "/elsewhere")
	s.hears(t, "exit", "gone", func(c call) bool { return c.Status == 200 })
	p.does(`void setTimeout(() => history.back())`)
	p.waits(`window.kept`)
	s.hears(t, "resume", "back", func(c call) bool { return c.Status == 200 })
	p.does(`await v.play()`)
	s.becomes(t, "last_position_sec", atLeast(5))
	s.sink.WaitFor(t, "1", "entered", "left")
}

func TestLeavingAndComingBackByButtons(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	p := open(t).tab(t, s.player(`{}`))
	assert.Nil(t, do[any](p, `a.leave()`), "nothing to leave")
	p.does(`await v.play()`)
	p.waits(`a.session && v.currentTime > 2`)
	left := do[map[string]any](p, `a.leave('session_end')`)
	assert.NotEmpty(t, left["session_id"])
	assert.True(t, do[bool](p, `v.paused`))
	assert.Equal(t, "session_end", s.said("exit")[0].Body["leave_reason"])
	p.does(`await v.play()`)
	s.hears(t, "resume", "playing comes back", func(c call) bool { return c.Status == 200 })
	assert.NotNil(t, do[map[string]any](p, `a.cta()`)["cta_clicked_at"])
	assert.Equal(t, "intro", do[map[string]any](p, `a.register({ source: 'a page' })`)["webinar_id"])
	s.sink.WaitFor(t, "1", "entered", "left", "registered")

	p.does(`await new Promise((done) => { v.addEventListener('pause', done, { once: true }); v.pause(); })`)
	p.waits(`!v.seeking && Object.keys(localStorage).length === 0`) // all that is noted was said and heard
	s.page("/elsewhere", `<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">`)
	heard := len(s.said(""))
	p.does(`a.detach(); await v.play()`)
	p.goTo(s.URL + "/elsewhere")
	p.does(`await fetch("` + base + `/session")`)
	var routes []string
	for _, c := range s.said("")[heard:] {
		routes = append(routes, c.Route)
	}
	assert.Equal(t, []string{"session"}, routes, "a detached player is silent")
}
