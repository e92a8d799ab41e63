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

func TestHalfAMinuteWithoutNetworkLosesNothing(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	s.stands(t, 12)
	p := open(t).tab(t, s.player(`{}`))
	p.does(`window.back = 0; let last = 0;
		v.addEventListener('timeupdate', () => { if (v.currentTime < last - 0.1) back++; last = v.currentTime });
		await v.play()`)
	p.waits(`a.session && v.currentTime > 12.5`)

	p.setOffline(true)
	lost := time.Now()
	p.waits(`told.some((e) => e.type === 'offline' && e.offline)`)
	p.waits(`v.currentTime > 30`) // over the mark 25
	p.waits(`v.currentTime > 54`) // and 50
	assert.GreaterOrEqual(t, time.Since(lost), 30*time.Second)
	assert.Empty(t, p.told("mark"))
	assert.Len(t, do[[]string](p, `Object.keys(localStorage)`), 1, "one record a session")
	assert.Empty(t, s.row(t, "progress_percent"))

	p.setOffline(false)
	s.becomes(t, "progress_percent", func(value string) bool { return value == "50" })
	p.waits(`told.some((e) => e.type === 'offline' && !e.offline)`)
	assert.InDelta(t, 50, p.told("mark")[1]["percent"], 0)
	assert.Len(t, p.told("mark"), 2, "25 and 50, once each")
	assert.Len(t, p.told("offline"), 2)
	assert.Len(t, s.said("enter"), 1, "the session goes on: it is not entered again")
	p.waits(`v.currentTime > 57`)
	assert.Zero(t, do[int](p, `back`), "the viewer is not thrown back")
	s.becomes(t, "last_position_sec", atLeast(57))
	assert.Empty(t, p.told("clamped"))
	p.waits(`Object.keys(localStorage).length === 0`)
	s.sink.WaitFor(t, "1", "entered")
	assert.Empty(t, p.complaints(true))
}

func TestWhatAClosedPageCouldNotSayTheNextOneSays(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	s.stands(t, 22)
	b := open(t)
	p := b.tab(t, s.player(`{}`))
	p.does(`await v.play()`)
	p.waits(`a.session && v.currentTime > 23`)
	s.breaks(down)
	p.waits(`v.currentTime > 29`)
	p.does(`v.currentTime = 10`) // and back, of their own will
	p.waits(`v.currentTime > 10.5 && v.currentTime < 20 && !v.seeking`)
	tries := len(s.said("progress"))
	p.does(`dispatchEvent(new Event('online'))`) // tried now, it is not tried again while the page is closed
	require.Eventually(t, func() bool { return len(s.said("progress")) > tries }, patience, 20*time.Millisecond)
	p.close()
	s.hears(t, "exit", "nobody hears it", func(c call) bool { return c.Status == 502 })
	s.breaks(nil)
	assert.Empty(t, s.row(t, "left_at"))

	heard := len(s.said(""))
	next, beside := b.tab(t, s.player(`{}`)), b.tab(t, s.player(`{}`))
	s.sink.WaitFor(t, "1", "entered", "left")
	assert.Equal(t, "25", s.row(t, "progress_percent"), "no mark was lost")
	s.becomes(t, "last_position_sec", func(value string) bool { return atoi(t, value) < 20 })
	next.does(`await v.play()`)
	next.waits(`a.session && v.currentTime > 10 && v.currentTime < 25`)
	order := []string{}
	for _, c := range s.said("")[heard:] {
		order = append(order, c.Route)
	}
	assert.Equal(t, []string{"session", "progress", "exit", "enter"}, order[:4], "said by one tab, and before the entrance")
	assert.Empty(t, beside.complaints(false))
}

func TestADeadNonceIsReplaced(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	s.set(func() { s.nonce = "0123456789" })
	p := open(t).tab(t, s.player(`{}`))
	p.does(`await v.play()`)
	s.becomes(t, "last_position_sec", atLeast(2))
	assert.Equal(t, 1, s.renewals())
	assert.Empty(t, p.told("error"))

	// And where no good one is to be had, it does not ask for ever.
	s.set(func() { s.viewer.Nonce = "9876543210" })
	before := s.renewals()
	run(p, chromedp.Reload())
	p.waits(`window.a`)
	p.does(`await v.play()`)
	p.waits(`told.some((e) => e.type === 'error' && e.code === 'rest_cookie_invalid_nonce')`)
	p.waits(`v.currentTime > 4`)
	assert.LessOrEqual(t, s.renewals()-before, 6, "two for each request that somebody makes")
	assert.False(t, do[bool](p, `v.paused`), "the video plays")
}

func TestAServiceThatIsDownWhenThePageOpens(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	files := func(w http.ResponseWriter, r *http.Request) bool { return r.Method == http.MethodPost && down(w, r) }
	s.breaks(files)
	p := open(t).tab(t, s.player(`{}`))
	p.does(`await v.play()`)
	p.waits(`told.some((e) => e.type === 'offline' && e.offline) && v.currentTime > 4`)
	tries := s.said("enter")
	assert.Less(t, len(tries), 5, "it backs off")
	s.breaks(nil)
	p.waits(`a.session`)
	at := do[float64](p, `v.currentTime`)
	assert.Greater(t, at, 4.0, "nobody is thrown back for having watched alone")
	s.becomes(t, "last_position_sec", atLeast(int(at)+2))
	s.sink.WaitFor(t, "1", "entered")
	assert.Empty(t, p.told("error"))
	assert.Empty(t, p.complaints(true))
}

func TestAServiceThatStopsAndComesBack(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	p := open(t).tab(t, s.player(`{}`))
	p.does(`await v.play()`)
	p.waits(`a.session && v.currentTime > 2`)
	s.breaks(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Retry-After", "4")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"code":"autowebinar_unavailable","message":"Try again.","data":{"status":503}}`))
		return true
	})
	p.waits(`told.filter((e) => e.type === 'offline').length === 1`)
	p.does(`const left = await a.leave(); if (left !== null) throw new Error('nobody can have heard it')`)
	p.waits(`v.paused`)
	refused := func() (at []time.Time) {
		for _, c := range s.said("") {
			if c.Status == http.StatusServiceUnavailable {
				at = append(at, c.At)
			}
		}
		return at
	}
	require.Eventually(t, func() bool { return len(refused()) >= 3 }, patience, 20*time.Millisecond)
	s.breaks(nil)
	s.sink.WaitFor(t, "1", "entered", "left")
	p.waits(`told.filter((e) => e.type === 'offline').length === 2`)
	assert.GreaterOrEqual(t, refused()[2].Sub(refused()[0]), 4*time.Second, "Retry-After is respected")
	assert.Empty(t, p.told("error"))
}

func TestACaptivePortalIsNotTheService(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	p := open(t).tab(t, s.player(`{}`))
	p.does(`await v.play()`)
	p.waits(`a.session && v.currentTime > 2`)
	s.breaks(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<h1>Accept our terms</h1>"))
		return true
	})
	p.waits(`told.some((e) => e.type === 'offline' && e.offline)`)
	p.waits(`v.currentTime > 6`)
	s.breaks(nil)
	s.becomes(t, "last_position_sec", atLeast(6))
	assert.Empty(t, p.told("error"))
}

func TestASessionThatIsGoneIsBegunAgain(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	p := open(t).tab(t, s.player(`{}`))
	p.does(`await v.play()`)
	p.waits(`a.session && v.currentTime > 2`)
	first := do[string](p, `a.session.session_id`)
	_, err := s.db.SQL.Exec(`DELETE FROM wp_usermeta WHERE user_id = 1 AND meta_key LIKE 'autowebinar\_%'`)
	require.NoError(t, err)
	p.waits(`a.session && a.session.session_id !== '` + first + `'`)
	assert.Len(t, s.said("enter"), 2)
	assert.Len(t, p.told("error"), 1)
}
