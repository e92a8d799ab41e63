package browser

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// testPlayer plays, seeks, pauses and leaves with a player of any kind, whose
// page defines v, the media element, and a, the attachment.
func testPlayer(t *testing.T, s *site, p *tab) {
	t.Helper()
	p.waitFor(`window.a && window.v`)
	p.exec(`await play()`)
	p.waitFor(`a.session && v.currentTime > 41`)
	s.waitForRow(t, "last_position_sec", atLeast(42))
	for i, c := range s.callsTo("progress") {
		assert.GreaterOrEqual(t, c.Body["position_sec"], 39.0, "nothing is reported before the video is at the stored position")
		assert.NotContains(t, c.Body, "seeked")
		if i == 0 {
			assert.Less(t, c.Body["position_sec"], 50.0, "playback begins at the stored position")
		}
	}
	p.exec(`seek(10)`)
	s.waitForCall(t, "progress", "the viewer seeked", func(c call) bool {
		return c.Body["seeked"] == true && c.Body["position_sec"].(float64) < 20
	})
	p.waitFor(`v.currentTime > 12 && v.currentTime < 40`)
	p.exec(`seek(90)`)
	p.waitFor(`events.some((e) => e.type === 'clamped')`)
	p.waitFor(`v.currentTime < 80`)
	p.exec(`await a.leave()`)
	p.waitFor(`v.paused`)
	s.receiver.WaitFor(t, "1", "entered", "left")
	assert.Empty(t, p.consoleErrors(false))
}

// TestPlayers tests each kind of player that attach accepts. The players of
// Vimeo and YouTube are stubs of the documented interfaces.
func TestPlayers(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]struct{ head, video, make, play, seek string }{
		"Video.js": {
			head:  `<link rel="stylesheet" href="/npm/video.js/dist/video-js.min.css"><script src="/npm/video.js/dist/video.min.js"></script>`,
			video: `<video id="player" class="video-js" controls muted><source src="/webinar.mp4" type="video/mp4"></video>`,
			make:  `videojs('player'); player.ready(() => { window.v = player.tech(true).el(); })`,
			play:  `player.play()`, seek: `player.currentTime(seconds)`,
		},
		"Plyr": {
			head:  `<link rel="stylesheet" href="/npm/plyr/dist/plyr.css"><script src="/npm/plyr/dist/plyr.min.js"></script>`,
			video: `<video id="player" controls muted><source src="/webinar.mp4" type="video/mp4"></video>`,
			make:  `new Plyr('#player', { muted: true, iconUrl: '/npm/plyr/dist/plyr.svg', blankVideo: '' })`,
			play:  `player.play()`, seek: `player.currentTime = seconds`,
		},
		"Vimeo": {
			head:  `<script src="/testdata/vimeo.js"></script>`,
			video: `<video src="/webinar.mp4" controls muted></video>`,
			make:  `new Vimeo.Player(v)`,
			play:  `player.play()`, seek: `player.setCurrentTime(seconds)`,
		},
		"YouTube": {
			head:  `<script src="/testdata/youtube.js"></script>`,
			video: `<video src="/webinar.mp4" controls muted></video>`,
			make:  `new YT.Player(v); const ready = new Promise((done) => player.addEventListener('onReady', done))`,
			play:  `ready.then(() => player.playVideo())`, seek: `player.seekTo(seconds, true)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.seedProgress(t, 40)
			s.setPage("/", `<!doctype html>
<title>A webinar</title><link rel="icon" href="data:,">`+page.head+`
`+page.video+`
<script type="module">
  import { attach } from '/wp-json/autowebinar/v1/player.js';
`+recordEvents+`
  const player = `+page.make+`;
  record(attach(player, { webinarId: 'intro', nonce: '{{nonce}}' }));
  window.play = () => `+page.play+`;
  window.seek = (seconds) => { `+page.seek+`; };
</script>
`)
			testPlayer(t, s, startBrowser(t).tab(t, s.URL+"/"))
		})
	}
}
