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

	playsFrom := func(p *tab, after float64) {
		t.Helper()
		p.exec(`window.jumpsBack = 0; let last = 0;
			v.addEventListener('timeupdate', () => {
				if (v.currentTime < last - 0.5) jumpsBack++;
				last = v.currentTime;
				if (a.session && !v.seeking) window.resumedAt ??= last;
			});
			await v.play()`)
		p.waitFor(`a.session && v.currentTime > ` + formatFloat(after+1))
		assert.Less(t, eval[float64](p, `resumedAt`), after+20, "at the stored position, not beyond")
		assert.Zero(t, eval[int](p, `jumpsBack`))
		p.exec(`v.pause()`) // the stored position stays the same until the next page plays
		assert.Empty(t, p.consoleErrors(false))
	}
	stored := func() float64 { return float64(atoi(t, s.waitForRow(t, "last_position_sec", atLeast(41)))) }

	playsFrom(p, 40)
	run(p, chromedp.Reload())
	p.waitFor(`window.a`)
	playsFrom(p, stored())

	second := b.tab(t, s.playerURL(`{}`))
	playsFrom(second, stored())

	elsewhere := b.tab(t, s.playerURL(`{}`), chromedp.WithNewBrowserContext())
	assert.Empty(t, eval[[]string](elsewhere, `Object.keys(localStorage)`), "another profile shares no storage with the first")
	playsFrom(elsewhere, stored())

	for _, c := range s.callsTo("progress") {
		assert.GreaterOrEqual(t, c.Body["position_sec"], 40.0, "nothing is reported before the video is at the stored position")
		assert.NotContains(t, c.Body, "seeked", "resuming is not a seek of the viewer")
	}
	s.receiver.WaitFor(t, "1", "entered", "left") // the reload leaves
}

func TestEnterOnLoadAndLivePosition(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.seedProgress(t, 40)
	p := startBrowser(t).tab(t, s.playerURL(`{"enterAt":"now"}`))
	p.waitFor(`a.session && Math.abs(v.currentTime - 40) < 0.5`)
	assert.True(t, eval[bool](p, `v.paused`), "entering does not start the video")
	live := eval[float64](p, `a.livePosition`)
	assert.Less(t, live, 100.1, "the live position does not exceed the duration")
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
	paused := eval[float64](first, `v.currentTime`)
	far := int(paused) + 10
	s.waitForRow(t, "last_position_sec", atLeast(far))
	second.close()
	s.waitForCall(t, "exit", "the second tab leaves", func(c call) bool { return c.Status == 200 })
	ahead := atoi(t, s.row(t, "last_position_sec"))
	first.exec(`document.dispatchEvent(new Event('visibilitychange'))`)
	assert.InDelta(t, paused, eval[float64](first, `v.currentTime`), 0.1, "the other tab does not move this video")
	before := len(s.callsTo("progress"))
	first.exec(`await v.play()`)
	require.Eventually(t, func() bool {
		behind := 0
		for _, c := range s.callsTo("progress")[before:] {
			if c.Status == 200 && c.Body["position_sec"].(float64) < float64(far) {
				behind++
			}
		}
		return behind >= 2
	}, waitTimeout, 20*time.Millisecond, "calls: %s", lazy(s.transcript))
	assert.GreaterOrEqual(t, atoi(t, s.row(t, "last_position_sec")), ahead, "the tab that is behind does not move the position back")
}
