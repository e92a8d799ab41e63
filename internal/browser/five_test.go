package browser

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

// atLeast returns a condition for a row with a number of seconds.
func atLeast(seconds int) func(string) bool {
	return func(value string) bool { n, err := strconv.Atoi(value); return err == nil && n >= seconds }
}

func TestScriptTag(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := startBrowser(t).tab(t, s.URL+"/")
	p.exec(`window.v = document.querySelector('video'); await v.play()`)
	p.waitFor(`v.currentTime > 3`)
	s.waitForRow(t, "last_position_sec", atLeast(3))
	assert.Equal(t, "intro", s.row(t, "webinar_id"))
	s.receiver.WaitFor(t, "1", "entered")
	assert.Len(t, s.callsTo("enter"), 1)
	assert.Empty(t, p.consoleErrors(false))
}

func TestClassicScript(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.setPage("/", `<!doctype html>
<title>A webinar</title><link rel="icon" href="data:,">
<script src="/wp-json/autowebinar/v1/player.classic.js?ver=1" data-webinar="intro" data-nonce="{{nonce}}" data-video="#second"></script>
<video src="/webinar.mp4" muted></video><video id="second" src="/webinar.mp4" controls muted></video>
<script>addEventListener('autowebinar', ({ detail, target }) => { window.a = detail; window.v = target })</script>
`)
	p := startBrowser(t).tab(t, s.URL+"/")
	p.waitFor(`v.id === 'second'`)
	p.exec(`await v.play()`)
	p.waitFor(`a.session?.webinar_id === 'intro'`)
	assert.Equal(t, "function", eval[string](p, `typeof AutoWebinar.attach`))
	assert.GreaterOrEqual(t, eval[float64](p, `a.livePosition`), 0.0)
	assert.Empty(t, p.consoleErrors(false))
}

func TestStrictContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.setPage("/", `<!doctype html>
<title>A webinar</title><link rel="icon" href="data:,">
<video src="/webinar.mp4" controls muted></video>
<script type="module" src="/wp-json/autowebinar/v1/player.js" data-webinar="intro" data-nonce="{{nonce}}"></script>
<script src="/testdata/vimeo.js"></script><script type="module" src="/testdata/attach-vimeo.js"></script>
`)
	policy := "default-src 'none'; script-src 'self'; media-src 'self'; connect-src 'self'; " +
		"require-trusted-types-for 'script'; base-uri 'none'; form-action 'none'; img-src data:"
	s.withLock(func() { s.headers.Set("Content-Security-Policy", policy) })
	p := startBrowser(t).tab(t, s.URL+"/")
	p.exec(`window.v = document.querySelector('video'); await v.play()`)
	s.waitForRow(t, "last_position_sec", atLeast(1))
	p.waitFor(`window.vimeo?.session`)
	assert.Empty(t, p.consoleErrors(false))
}

func TestTokenAuthentication(t *testing.T) {
	t.Parallel()
	const secret = "a secret of more than thirty-two bytes"
	s := newSite(t, map[string]string{"JWT_SECRET": secret})
	s.setPage("/token", `<!doctype html>
<title>A webinar</title><link rel="icon" href="data:,">
<video src="/webinar.mp4" controls muted></video>
<script type="module">
  import { attach } from '/wp-json/autowebinar/v1/player.js';
`+recordEvents+`
  const tokens = ['`+signToken(t, secret, -1)+`', '`+signToken(t, secret, 60)+`'];
  window.tokenCalls = 0;
  record(attach(v, { webinarId: 'intro', token: async () => tokens[tokenCalls++] }));
</script>
`)
	p := startBrowser(t).tab(t, s.URL+"/token")
	p.exec(`await v.play()`)
	p.waitFor(`a.session`)
	s.waitForRow(t, "last_position_sec", atLeast(1))
	assert.Equal(t, 2, eval[int](p, `tokenCalls`), "an expired token is replaced once")
	assert.Empty(t, p.events("error"))
}
