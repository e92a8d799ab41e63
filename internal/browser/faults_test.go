package browser

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/chromiumtest"
)

// setOffline disconnects a tab from the network, or connects it again.
func (p *tab) setOffline(offline bool) {
	p.t.Helper()
	require.NoError(p.t, chromiumtest.SetOffline(p.ctx, offline))
}

func TestHalfAMinuteOfflineLosesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.seedProgress(t, 12)
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	p.exec(`window.jumpsBack = 0; let last = 0;
		v.addEventListener('timeupdate', () => { if (v.currentTime < last - 0.1) jumpsBack++; last = v.currentTime });
		await v.play()`)
	p.waitFor(`a.session && v.currentTime > 12.5`)

	p.setOffline(true)
	lost := time.Now()
	p.waitFor(`events.some((e) => e.type === 'offline' && e.offline)`)
	p.waitFor(`v.currentTime > 54`) // beyond the milestones 25 and 50
	assert.GreaterOrEqual(t, time.Since(lost), 30*time.Second)
	assert.Empty(t, p.events("mark"))
	assert.Len(t, eval[[]string](p, `Object.keys(localStorage)`), 1, "one record per session")
	assert.Empty(t, s.row(t, "progress_percent"))

	p.setOffline(false)
	s.waitForRow(t, "progress_percent", func(value string) bool { return value == "50" })
	p.waitFor(`events.some((e) => e.type === 'offline' && !e.offline)`)
	assert.InDelta(t, 50, p.events("mark")[1]["percent"], 0)
	assert.Len(t, p.events("mark"), 2, "25 and 50, once each")
	assert.Len(t, p.events("offline"), 2)
	assert.Len(t, s.callsTo("enter"), 1, "the session is not entered again")
	p.waitFor(`v.currentTime > 57`)
	assert.Zero(t, eval[int](p, `jumpsBack`), "the video is not moved back")
	s.waitForRow(t, "last_position_sec", atLeast(57))
	assert.Empty(t, p.events("clamped"))
	p.waitFor(`Object.keys(localStorage).length === 0`)
	s.receiver.WaitFor(t, "1", "entered")
	assert.Empty(t, p.consoleErrors(true))
}

func TestNextPageReportsWhatTheClosedPageCouldNot(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.seedProgress(t, 22)
	b := startBrowser(t)
	p := b.tab(t, s.playerURL(`{}`))
	p.exec(`await v.play()`)
	p.waitFor(`a.session && v.currentTime > 23`)
	s.setFault(badGateway)
	p.waitFor(`v.currentTime > 29`)
	// The video plays slowly, so that it does not reach the end even if the test
	// takes long.
	p.exec(`v.playbackRate = 0.1; v.currentTime = 10`)
	p.waitFor(`v.currentTime > 10.1 && v.currentTime < 20 && !v.seeking`)
	tries := len(s.callsTo("progress"))
	p.exec(`dispatchEvent(new Event('online'))`) // after this retry, none is due before the page is closed
	require.Eventually(t, func() bool { return len(s.callsTo("progress")) > tries }, waitTimeout, 20*time.Millisecond)
	p.close()
	s.waitForCall(t, "exit", "the service is down", func(c call) bool { return c.Status == 502 })
	s.setFault(nil)
	assert.Empty(t, s.row(t, "left_at"))

	before := len(s.callsTo(""))
	next, other := b.tab(t, s.playerURL(`{}`)), b.tab(t, s.playerURL(`{}`))
	s.receiver.WaitFor(t, "1", "entered", "left")
	assert.Equal(t, "25", s.row(t, "progress_percent"), "no milestone was lost")
	s.waitForRow(t, "last_position_sec", func(value string) bool { return atoi(t, value) < 20 })
	next.exec(`await v.play()`)
	next.waitFor(`a.session && v.currentTime > 10 && v.currentTime < 28`)
	order := []string{}
	for _, c := range s.callsTo("")[before:] {
		order = append(order, c.Route)
	}
	assert.Equal(t, []string{"session", "progress", "exit", "enter"}, order[:4], "reported by one tab, before it enters")
	assert.Empty(t, other.consoleErrors(false))
}

func TestExpiredNonceIsReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.withLock(func() { s.nonce = "0123456789" })
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	p.exec(`await v.play()`)
	s.waitForRow(t, "last_position_sec", atLeast(2))
	assert.Equal(t, 1, s.countNonceRenewals())
	assert.Empty(t, p.events("error"))

	// When the service accepts no nonce, the client stops requesting new ones.
	s.withLock(func() { s.viewer.Nonce = "9876543210" })
	before := s.countNonceRenewals()
	run(p, chromedp.Reload())
	p.waitFor(`window.a`)
	p.exec(`await v.play()`)
	p.waitFor(`events.some((e) => e.type === 'error' && e.code === 'rest_cookie_invalid_nonce')`)
	p.waitFor(`v.currentTime > 4`)
	assert.LessOrEqual(t, s.countNonceRenewals()-before, 6, "two for each request of the player")
	assert.False(t, eval[bool](p, `v.paused`), "the video plays")
}

func TestServiceDownWhenPageOpens(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodPost && badGateway(w, r)
	})
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	p.exec(`await v.play()`)
	p.waitFor(`events.some((e) => e.type === 'offline' && e.offline) && v.currentTime > 4`)
	attempts := s.callsTo("enter")
	s.setFault(nil)
	pause := time.Second
	for i := range attempts[1:] {
		assert.GreaterOrEqual(t, attempts[i+1].At.Sub(attempts[i].At), pause, "attempts back off")
		pause *= 2
	}
	p.waitFor(`a.session`)
	at := eval[float64](p, `v.currentTime`)
	assert.Greater(t, at, 4.0, "what was watched meanwhile counts")
	s.waitForRow(t, "last_position_sec", atLeast(int(at)+2))
	s.receiver.WaitFor(t, "1", "entered")
	assert.Empty(t, p.events("error"))
	assert.Empty(t, p.consoleErrors(true))
}

func TestServiceStopsAndReturns(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	p.exec(`await v.play()`)
	p.waitFor(`a.session && v.currentTime > 2`)
	s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Retry-After", "4")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"code":"autowebinar_unavailable","message":"Try again.","data":{"status":503}}`))
		return true
	})
	p.waitFor(`events.filter((e) => e.type === 'offline').length === 1`)
	p.exec(`const left = await a.leave(); if (left !== null) throw new Error('the service is down')`)
	p.waitFor(`v.paused`)
	rejected := func() (at []time.Time) {
		for _, c := range s.callsTo("") {
			if c.Status == http.StatusServiceUnavailable {
				at = append(at, c.At)
			}
		}
		return at
	}
	require.Eventually(t, func() bool { return len(rejected()) >= 3 }, waitTimeout, 20*time.Millisecond)
	s.setFault(nil)
	s.receiver.WaitFor(t, "1", "entered", "left")
	p.waitFor(`events.filter((e) => e.type === 'offline').length === 2`)
	assert.GreaterOrEqual(t, rejected()[2].Sub(rejected()[0]), 4*time.Second, "Retry-After is respected")
	assert.Empty(t, p.events("error"))
}

func TestCaptivePortalIsNotTheService(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	p.exec(`await v.play()`)
	p.waitFor(`a.session && v.currentTime > 2`)
	s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<h1>Accept our terms</h1>"))
		return true
	})
	p.waitFor(`events.some((e) => e.type === 'offline' && e.offline)`)
	p.waitFor(`v.currentTime > 6`)
	s.setFault(nil)
	s.waitForRow(t, "last_position_sec", atLeast(6))
	assert.Empty(t, p.events("error"))
}

func TestDeletedSessionIsReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	p.exec(`await v.play()`)
	p.waitFor(`a.session && v.currentTime > 2`)
	first := eval[string](p, `a.session.session_id`)
	_, err := s.db.SQL.Exec(`DELETE FROM wp_usermeta WHERE user_id = 1 AND meta_key LIKE 'autowebinar\_%'`)
	require.NoError(t, err)
	p.waitFor(`a.session && a.session.session_id !== '` + first + `'`)
	assert.Len(t, s.callsTo("enter"), 2)
	assert.Len(t, p.events("error"), 1)
}
