package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPlaybackResumesAtStoredPosition(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.seedProgress(t, 40)
	b := startBrowser(t)
	p := b.tab(t, s.playerURL(`{}`))

	goesOn := func(p *tab, after float64) {
		t.Helper()
		p.exec(`window.back = 0; let last = 0; v.addEventListener('timeupdate', () => { if (v.currentTime < last - 0.5) back++; last = v.currentTime }); await v.play()`)
		p.waitFor(`a.session && v.currentTime > ` + formatFloat(after+1))
		assert.Less(t, eval[float64](p, `v.currentTime`), after+20, "where they were, not beyond")
		assert.Zero(t, eval[int](p, `back`))
		assert.Empty(t, p.consoleErrors(false))
	}
	stored := func() float64 { return float64(atoi(t, s.waitForRow(t, "last_position_sec", atLeast(41)))) }

	goesOn(p, 40)
	run(p, chromedp.Reload())
	p.waitFor(`window.a`)
	goesOn(p, stored())

	second := b.tab(t, s.playerURL(`{}`))
	goesOn(second, stored())

	elsewhere := b.tab(t, s.playerURL(`{}`), chromedp.WithNewBrowserContext())
	assert.Empty(t, eval[[]string](elsewhere, `Object.keys(localStorage)`), "another profile knows nothing of the first")
	goesOn(elsewhere, stored())

	for _, c := range s.callsTo("progress") {
		assert.GreaterOrEqual(t, c.Body["position_sec"], 40.0, "nothing was reported before the video was there")
		assert.NotContains(t, c.Body, "seeked", "going on is no seek of the viewer's")
	}
	s.sink.WaitFor(t, "1", "entered", "left") // by the reload
}

func TestEnterOnLoadAndLivePosition(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.seedProgress(t, 40)
	p := startBrowser(t).tab(t, s.playerURL(`{"enterAt":"now"}`))
	p.waitFor(`a.session && Math.abs(v.currentTime - 40) < 0.5`)
	assert.True(t, eval[bool](p, `v.paused`), "entering plays nothing")
	live := eval[float64](p, `a.livePosition`)
	assert.Less(t, live, 100.1, "no later than the end")
	p.exec(`await v.play()`)
	p.waitFor(`v.currentTime > 41`)
	assert.Len(t, s.callsTo("enter"), 1)
}

func TestTwoTabsKeepFurtherPosition(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.seedProgress(t, 40)
	b := startBrowser(t)
	first, second := b.tab(t, s.playerURL(`{}`)), b.tab(t, s.playerURL(`{}`))
	for _, p := range []*tab{first, second} {
		p.exec(`await v.play()`)
		p.waitFor(`a.session && v.currentTime > 41`)
	}
	first.exec(`v.pause()`)
	stood := eval[float64](first, `v.currentTime`)
	far := int(stood) + 10
	s.waitForRow(t, "last_position_sec", atLeast(far))
	second.close()
	s.waitForCall(t, "exit", "the second tab leaves", func(c call) bool { return c.Status == 200 })
	ahead := atoi(t, s.row(t, "last_position_sec"))
	first.exec(`document.dispatchEvent(new Event('visibilitychange'))`)
	assert.InDelta(t, stood, eval[float64](first, `v.currentTime`), 0.1, "a tab's video is its own")
	heard := len(s.callsTo("progress"))
	first.exec(`await v.play()`)
	require.Eventually(t, func() bool {
		behind := 0
		for _, c := range s.callsTo("progress")[heard:] {
			if c.Status == 200 && c.Body["position_sec"].(float64) < float64(far) {
				behind++
			}
		}
		return behind >= 2
	}, waitTimeout, 20*time.Millisecond, "said: %s", lazy(s.transcript))
	assert.GreaterOrEqual(t, atoi(t, s.row(t, "last_position_sec")), ahead, "the tab that is behind rewinds nobody")
}
