package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
)

func TestMarksAreCrossedAndTheEndCompletes(t *testing.T) {
	t.Parallel()
	s := build(t, map[string]string{"MAX_PLAYBACK_RATE": "16", "HEARTBEAT_SEC": "60"})
	p := open(t).tab(t, s.player(`{}`))
	p.does(`v.playbackRate = 8; await v.play()`)
	p.waits(`told.some((e) => e.type === 'completed')`)
	s.hears(t, "progress", "the end", func(c call) bool { return c.Body["ended"] == true }) // what completed may have been two seconds before it
	marks := []float64{}
	for _, e := range p.told("mark") {
		marks = append(marks, e["percent"].(float64))
	}
	assert.Equal(t, []float64{25, 50, 75, 100}, marks, "without a heartbeat: by crossing")
	assert.Len(t, p.told("completed"), 1)
	ends := 0
	for _, c := range s.said("progress") {
		if c.Body["ended"] == true {
			ends++
			assert.GreaterOrEqual(t, c.Body["position_sec"], 99.0, "ended only at the end")
		}
	}
	assert.Positive(t, ends)
	s.sink.WaitFor(t, "1", "entered", "completed", "attendance_classified")
	assert.Equal(t, "1", s.row(t, "completed"))

	p.does(`told = told.filter((e) => e.type !== 'clamped')`)  // the first report came within a second
	p.does(`v.pause(); v.playbackRate = 1; v.currentTime = 0`) // a second viewing
	s.becomes(t, "last_position_sec", func(value string) bool { return value == "0" })
	p.does(`await v.play()`)
	p.does(`v.pause(); v.currentTime = 70`)
	s.becomes(t, "last_position_sec", func(value string) bool { return value == "70" })
	assert.Empty(t, p.told("clamped"), "who has completed it may go anywhere")
	assert.Empty(t, p.complaints(false))
}

func TestASkipAheadIsTakenBack(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	p := open(t).tab(t, s.player(`{}`))
	p.does(`await v.play()`)
	p.waits(`a.session && v.currentTime > 2`)
	p.does(`v.currentTime = 90`)
	p.waits(`told.some((e) => e.type === 'clamped')`)
	p.waits(`v.currentTime < 20 && v.currentTime > 2`)
	assert.Equal(t, "", s.row(t, "completed"))
	assert.Equal(t, "", s.row(t, "progress_percent"))
	p.does(`window.at = v.currentTime`)
	p.waits(`v.currentTime > at + 3`) // and it plays on from there
	assert.Len(t, p.told("clamped"), 1)

	p.does(`v.pause(); v.currentTime = 1`) // going back is free
	s.hears(t, "progress", "sought back", func(c call) bool { return c.Body["seeked"] == true && c.Body["position_sec"].(float64) < 2 })
	s.becomes(t, "last_position_sec", func(value string) bool { return value == "1" })
	assert.Len(t, p.told("clamped"), 1)
	assert.Empty(t, p.complaints(false))
}

func TestForwardSeeksPrevented(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	s.stands(t, 40)
	p := open(t).tab(t, s.player(`{"preventForwardSeek":true}`))
	p.does(`await v.play()`)
	p.waits(`a.session && v.currentTime > 41`)
	p.does(`v.currentTime = 90`)
	p.waits(`told.some((e) => e.type === 'clamped') && v.currentTime < 60`)
	p.does(`v.currentTime = 10`)
	s.hears(t, "progress", "sought back", func(c call) bool { return c.Body["seeked"] == true })
	p.waits(`v.currentTime > 10.5 && v.currentTime < 20`)
	for _, c := range s.said("progress") {
		assert.Less(t, c.Body["position_sec"], 60.0, "the service never heard of the skip")
	}
}

func TestATabThatNobodySees(t *testing.T) {
	t.Parallel()
	s := build(t, nil)
	b := open(t, chromedp.Flag("disable-background-timer-throttling", false),
		chromedp.Flag("disable-renderer-backgrounding", false), chromedp.Flag("disable-backgrounding-occluded-windows", false))
	p := b.tab(t, s.player(`{}`))
	p.does(`v.src = '/testdata/tone.webm'; v.muted = false; await v.play()`)
	p.waits(`a.session && v.currentTime > 1`)
	other := b.tab(t, "about:blank", chromedp.WithNewWindow(false))
	p.waits(`document.hidden`)
	hidden := time.Now()
	p.waits(`v.currentTime > 12`)
	last := hidden
	reports := 0
	for _, c := range s.said("progress") {
		if c.At.After(hidden) {
			reports++
			assert.Less(t, c.At.Sub(last), 6*time.Second, "the heartbeat goes on: %s", lazy(s.transcript))
			last = c.At
		}
	}
	assert.GreaterOrEqual(t, reports, 2)
	s.becomes(t, "furthest_sec", atLeast(9))
	assert.Empty(t, p.complaints(false))
	assert.Empty(t, other.complaints(false))
}
