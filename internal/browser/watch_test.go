package browser

import (
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMilestonesAndCompletion(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"MAX_PLAYBACK_RATE": "16", "HEARTBEAT_SEC": "60"})
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	p.exec(`v.playbackRate = 8; await v.play()`)
	p.waitFor(`events.some((e) => e.type === 'completed')`)
	s.waitForCall(t, "progress", "the end", func(c call) bool { return c.Body["ended"] == true }) // the report that completes the webinar may be 2 s earlier
	milestones := []float64{}
	for _, e := range p.events("mark") {
		milestones = append(milestones, e["percent"].(float64))
	}
	assert.Equal(t, []float64{25, 50, 75, 100}, milestones, "reported when crossed, without a heartbeat")
	assert.Len(t, p.events("completed"), 1)
	ends := 0
	for _, c := range s.callsTo("progress") {
		if c.Body["ended"] == true {
			ends++
			assert.GreaterOrEqual(t, c.Body["position_sec"], 99.0, "ended only at the end")
		}
	}
	assert.Positive(t, ends)
	s.receiver.WaitFor(t, "1", "entered", "completed", "attendance_classified")
	assert.Equal(t, "1", s.row(t, "completed"))

	p.exec(`events = events.filter((e) => e.type !== 'clamped')`) // the first report may have come within a second
	p.exec(`v.pause(); v.playbackRate = 1; v.currentTime = 0`)    // a second viewing
	s.waitForRow(t, "last_position_sec", func(value string) bool { return value == "0" })
	p.exec(`await v.play()`)
	p.exec(`v.pause(); v.currentTime = 70`)
	s.waitForRow(t, "last_position_sec", func(value string) bool { return value == "70" })
	assert.Empty(t, p.events("clamped"), "a completed session may seek freely")
	assert.Empty(t, p.consoleErrors(false))
}

func TestForwardSeekIsClamped(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := startBrowser(t).tab(t, s.playerURL(`{}`))
	p.exec(`await v.play()`)
	// All steps are in one script: the later the seek, the further it is allowed.
	p.exec(`const skip = () => {
			if (!a.session || v.currentTime < 2) return;
			v.removeEventListener('timeupdate', skip);
			v.currentTime = 90;
			a.addEventListener('clamped', () => v.addEventListener('seeked', () => { window.movedTo ??= v.currentTime; }));
		};
		v.addEventListener('timeupdate', skip)`)
	p.waitFor(`events.some((e) => e.type === 'clamped')`)
	p.waitFor(`window.movedTo < 20`)
	assert.Equal(t, "", s.row(t, "completed"))
	assert.Equal(t, "", s.row(t, "progress_percent"))
	p.waitFor(`v.currentTime > movedTo + 3 && v.currentTime < 90`) // it plays on from there
	assert.Len(t, p.events("clamped"), 1)

	p.exec(`v.pause(); v.currentTime = 1`) // seeking back is allowed
	s.waitForCall(t, "progress", "seeked back", func(c call) bool { return c.Body["seeked"] == true && c.Body["position_sec"].(float64) < 2 })
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
	p.waitFor(`events.some((e) => e.type === 'clamped') && v.currentTime < 85`)
	p.exec(`v.currentTime = 10`)
	s.waitForCall(t, "progress", "seeked back", func(c call) bool { return c.Body["seeked"] == true })
	p.waitFor(`v.currentTime > 10.5 && v.currentTime < 40`)
	for _, c := range s.callsTo("progress") {
		assert.Less(t, c.Body["position_sec"], 85.0, "the skip was not reported")
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
	var intervals []time.Duration
	for _, c := range s.callsTo("progress") {
		if c.At.After(hidden) {
			intervals = append(intervals, c.At.Sub(last))
			last = c.At
		}
	}
	require.GreaterOrEqual(t, len(intervals), 2)
	// The median is compared, because a busy machine may delay single reports.
	slices.Sort(intervals)
	assert.Less(t, intervals[len(intervals)/2], 6*time.Second, "the heartbeat continues: %s", lazy(s.transcript))
	s.waitForRow(t, "furthest_sec", atLeast(9))
	assert.Empty(t, p.consoleErrors(false))
	assert.Empty(t, other.consoleErrors(false))
}
