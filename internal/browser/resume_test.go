package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAViewerGoesOnWhereTheyWere(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	s.stands(t, 40)
	b := open(t)
	p := b.tab(t, s.player(`{}`))

	goesOn := func(p *tab, after float64) {
		t.Helper()
		p.does(`window.back = 0; let last = 0; v.addEventListener('timeupdate', () => { if (v.currentTime < last - 0.5) back++; last = v.currentTime }); await v.play()`)
		p.waits(`a.session && v.currentTime > ` + number(after+1))
		assert.Less(t, do[float64](p, `v.currentTime`), after+20, "where they were, not beyond")
		assert.Zero(t, do[int](p, `back`))
		assert.Empty(t, p.complaints(false))
	}
	stored := func() float64 { return float64(atoi(t, s.becomes(t, "last_position_sec", atLeast(41)))) }

	goesOn(p, 40)
	run(p, chromedp.Reload())
	p.waits(`window.a`)
	goesOn(p, stored())

	second := b.tab(t, s.player(`{}`))
	goesOn(second, stored())

	elsewhere := b.tab(t, s.player(`{}`), chromedp.WithNewBrowserContext())
	assert.Empty(t, do[[]string](elsewhere, `Object.keys(localStorage)`), "another profile knows nothing of the first")
	goesOn(elsewhere, stored())

	for _, c := range s.said("progress") {
		assert.GreaterOrEqual(t, c.Body["position_sec"], 40.0, "nothing was reported before the video was there")
		assert.NotContains(t, c.Body, "seeked", "going on is no seek of the viewer's")
	}
	s.sink.WaitFor(t, "1", "entered", "left") // by the reload
}

func TestEnterAtOnceAndTheLivePoint(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	s.stands(t, 40)
	p := open(t).tab(t, s.player(`{"enterAt":"now"}`))
	p.waits(`a.session && Math.abs(v.currentTime - 40) < 0.5`)
	assert.True(t, do[bool](p, `v.paused`), "entering plays nothing")
	live := do[float64](p, `a.livePosition`)
	assert.Less(t, live, 100.1, "no later than the end")
	p.does(`await v.play()`)
	p.waits(`v.currentTime > 41`)
	assert.Len(t, s.said("enter"), 1)
}

func TestTwoTabsDoNotFight(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	s.stands(t, 40)
	b := open(t)
	first, second := b.tab(t, s.player(`{}`)), b.tab(t, s.player(`{}`))
	for _, p := range []*tab{first, second} {
		p.does(`await v.play()`)
		p.waits(`a.session && v.currentTime > 41`)
	}
	first.does(`v.pause()`)
	stood := do[float64](first, `v.currentTime`)
	far := int(stood) + 10
	s.becomes(t, "last_position_sec", atLeast(far))
	second.close()
	s.hears(t, "exit", "the second tab leaves", func(c call) bool { return c.Status == 200 })
	ahead := atoi(t, s.row(t, "last_position_sec"))
	first.does(`document.dispatchEvent(new Event('visibilitychange'))`)
	assert.InDelta(t, stood, do[float64](first, `v.currentTime`), 0.1, "a tab's video is its own")
	heard := len(s.said("progress"))
	first.does(`await v.play()`)
	require.Eventually(t, func() bool {
		behind := 0
		for _, c := range s.said("progress")[heard:] {
			if c.Status == 200 && c.Body["position_sec"].(float64) < float64(far) {
				behind++
			}
		}
		return behind >= 2
	}, patience, 20*time.Millisecond, "said: %s", lazy(s.transcript))
	assert.GreaterOrEqual(t, atoi(t, s.row(t, "last_position_sec")), ahead, "the tab that is behind rewinds nobody")
}
