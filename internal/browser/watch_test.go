package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
)

func TestMilestonesAndCompletion(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"MAX_PLAYBACK_RATE": "16", "HEARTBEAT_SEC": "60"})
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	p.exec(`v.playbackRate = 8; await v.play()`)
	p.waitFor(`told.some((e) => e.type === 'completed')`)
	s.waitForCall(t, "progress", "the end", func(c call) bool { return c.Body["ended"] == true }) // what completed may have been two seconds before it
	marks := []float64{}
	for _, e := range p.events("mark") {
		marks = append(marks, e["percent"].(float64))
	}
	assert.Equal(t, []float64{25, 50, 75, 100}, marks, "without a heartbeat: by crossing")
	assert.Len(t, p.events("completed"), 1)
	ends := 0
	for _, c := range s.callsTo("progress") {
		if c.Body["ended"] == true {
			ends++
			assert.GreaterOrEqual(t, c.Body["position_sec"], 99.0, "ended only at the end")
		}
	}
	assert.Positive(t, ends)
	s.sink.WaitFor(t, "1", "entered", "completed", "attendance_classified")
	assert.Equal(t, "1", s.row(t, "completed"))

	p.exec(`told = told.filter((e) => e.type !== 'clamped')`)  // the first report came within a second
	p.exec(`v.pause(); v.playbackRate = 1; v.currentTime = 0`) // a second viewing
	s.waitForRow(t, "last_position_sec", func(value string) bool { return value == "0" })
	p.exec(`await v.play()`)
	p.exec(`v.pause(); v.currentTime = 70`)
	s.waitForRow(t, "last_position_sec", func(value string) bool { return value == "70" })
	assert.Empty(t, p.events("clamped"), "who has completed it may go anywhere")
	assert.Empty(t, p.consoleErrors(false))
}

func TestForwardSeekIsClamped(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	p.exec(`await v.play()`)
	p.waitFor(`a.session && v.currentTime > 2`)
	p.exec(`v.currentTime = 90`)
	p.waitFor(`told.some((e) => e.type === 'clamped')`)
	p.waitFor(`v.currentTime < 20 && v.currentTime > 2`)
	assert.Equal(t, "", s.row(t, "completed"))
	assert.Equal(t, "", s.row(t, "progress_percent"))
	p.exec(`window.at = v.currentTime`)
	p.waitFor(`v.currentTime > at + 3`) // and it plays on from there
	assert.Len(t, p.events("clamped"), 1)

	p.exec(`v.pause(); v.currentTime = 1`) // going back is free
	s.waitForCall(t, "progress", "sought back", func(c call) bool { return c.Body["seeked"] == true && c.Body["position_sec"].(float64) < 2 })
	s.waitForRow(t, "last_position_sec", func(value string) bool { return value == "1" })
	assert.Len(t, p.events("clamped"), 1)
	assert.Empty(t, p.consoleErrors(false))
}

func TestPreventForwardSeek(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.seedProgress(t, 40)
	p := startBrowser(t).tab(t, s.playerURL(`{"preventForwardSeek":true}`))
	p.exec(`await v.play()`)
	p.waitFor(`a.session && v.currentTime > 41`)
	p.exec(`v.currentTime = 90`)
	p.waitFor(`told.some((e) => e.type === 'clamped') && v.currentTime < 60`)
	p.exec(`v.currentTime = 10`)
	s.waitForCall(t, "progress", "sought back", func(c call) bool { return c.Body["seeked"] == true })
	p.waitFor(`v.currentTime > 10.5 && v.currentTime < 20`)
	for _, c := range s.callsTo("progress") {
		assert.Less(t, c.Body["position_sec"], 60.0, "the service never heard of the skip")
	}
}

func TestHiddenTabKeepsReporting(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := startBrowser(t, chromedp.Flag("disable-background-timer-throttling", false),
		chromedp.Flag("disable-renderer-backgrounding", false), chromedp.Flag("disable-backgrounding-occluded-windows", false))
	p := b.tab(t, s.playerURL(`{}`))
	p.exec(`v.src = '/testdata/tone.webm'; v.muted = false; await v.play()`)
	p.waitFor(`a.session && v.currentTime > 1`)
	other := b.tab(t, "about:blank", chromedp.WithNewWindow(false))
	p.waitFor(`document.hidden`)
	hidden := time.Now()
	p.waitFor(`v.currentTime > 12`)
	last := hidden
	reports := 0
	for _, c := range s.callsTo("progress") {
		if c.At.After(hidden) {
			reports++
			assert.Less(t, c.At.Sub(last), 6*time.Second, "the heartbeat goes on: %s", lazy(s.transcript))
			last = c.At
		}
	}
	assert.GreaterOrEqual(t, reports, 2)
	s.waitForRow(t, "furthest_sec", atLeast(9))
	assert.Empty(t, p.consoleErrors(false))
	assert.Empty(t, other.consoleErrors(false))
}
