package browser

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/chromiumtest"
	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

// envScreenshots names a directory for pictures of the status page.
const envScreenshots = "AUTOWEBINAR_SCREENSHOTS"

// layouts are the widths and color schemes in which pages are checked.
var layouts = []struct {
	width  int64
	scheme string
}{{1280, "light"}, {1280, "dark"}, {360, "light"}, {360, "dark"}}

// setLayout sets the width and the color scheme of the page, and waits until both
// apply.
func (p *tab) setLayout(width int64, scheme string) {
	p.t.Helper()
	require.NoError(p.t, chromiumtest.SetViewport(p.ctx, width, 900))
	require.NoError(p.t, chromiumtest.SetMediaFeatures(p.ctx, map[string]string{"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}))
	p.waitFor(fmt.Sprintf(`innerWidth === %d && matchMedia('(prefers-color-scheme: %s)').matches && matchMedia('(prefers-reduced-motion)').matches && document.fonts.status === 'loaded'`, width, scheme))
}

// checkLayouts checks in every layout that the page does not scroll sideways and
// that its texts have enough contrast.
func (p *tab) checkLayouts(name string) {
	p.t.Helper()
	for _, layout := range layouts {
		p.setLayout(layout.width, layout.scheme)
		assert.LessOrEqual(p.t, eval[float64](p, "document.documentElement.scrollWidth"), float64(layout.width), "%s at %d px", name, layout.width)
		assert.Empty(p.t, eval[[]string](p, lowContrast), "%s at %d px, %s", name, layout.width, layout.scheme)
		p.screenshot(name, layout.width, layout.scheme)
	}
	p.setLayout(layouts[0].width, layouts[0].scheme)
}

// lowContrast lists texts whose contrast with their background is below 4.5 (WCAG AA).
const lowContrast = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const paint = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
    const light = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
  };
  const found = [];
  for (const node of document.querySelectorAll('body *')) {
    const text = [...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join('');
    if (!text || !node.checkVisibility() || node.closest('noscript, .skip')) continue;
    const behind = [];
    for (let n = node; n; n = n.parentElement) behind.unshift(getComputedStyle(n).backgroundColor);
    const [back, front] = [paint(behind), paint([...behind, getComputedStyle(node).color])];
    const contrast = (Math.max(back, front) + 0.05) / (Math.min(back, front) + 0.05);
    if (contrast < 4.5) found.push(text.slice(0, 40) + ': ' + contrast.toFixed(2));
  }
  return found;
})()`

func (p *tab) screenshot(name string, width int64, scheme string) {
	p.t.Helper()
	dir := os.Getenv(envScreenshots)
	if dir == "" {
		return
	}
	picture := run(p, chromedp.FullScreenshot(100))
	require.NoError(p.t, os.WriteFile(filepath.Join(dir, name+"-"+strconv.FormatInt(width, 10)+"-"+scheme+".png"), picture, 0o600))
}

// waitForText waits until an element contains a text.
func (p *tab) waitForText(selector, text string) {
	p.t.Helper()
	p.waitFor(`document.querySelector('` + selector + `').textContent.includes(` + strconv.Quote(text) + `)`)
}

func TestStatusPageOK(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	s := servicetest.Start(t, servicetest.Settings(db.DSN, receiver.URL)).Ready(t)
	b := startBrowser(t)
	var viewers []servicetest.Viewer
	for id := uint64(1); id <= 4; id++ {
		v := servicetest.NewViewer(t, db, id)
		viewers = append(viewers, v)
		v.Must(t, s, 201, "/enter", `{"webinar_id":"pro"}`)
		for position := 0; position <= int(id)*150; position += 50 {
			servicetest.AgeSession(t, db, v, 60*time.Second)
			v.Must(t, s, 200, "/progress", `{"webinar_id":"pro","position_sec":`+strconv.Itoa(position)+`}`)
		}
	}
	receiver.WaitFor(t, "4", "entered", "completed", "attendance_classified")

	p := b.tab(t, s.Admin+"/")
	p.waitForText("#headline", "All systems operational")
	require.Eventually(t, func() bool {
		for _, v := range viewers { // a session is active for 30 s
			v.Must(t, s, 200, "/enter", `{"webinar_id":"pro"}`)
		}
		return eval[bool](p, `document.querySelector('#sessions .figure').textContent.includes('4')`)
	}, waitTimeout, time.Second)
	p.waitForText("#funnel", "Entered4")
	p.waitForText("#funnel", "25 %4 · 100 %")
	p.waitForText("#funnel", "50 %3 · 75 %")
	p.waitForText("#funnel", "100 %1 · 25 %")
	p.waitForText("#role", "Leader")
	p.waitForText("#receiver", "Delivering")
	p.waitForText("#deferred", "0")
	p.waitForText("#dead", "0")
	p.waitForText("#ready", "Ready")
	p.waitForText("#checks", "databaseok")
	p.waitFor(`document.querySelectorAll('.chart .curve').length >= 3`)
	p.waitFor(`Number(document.querySelector('#sessions .chart').getAttribute('aria-label').match(/max (\d+)/)[1]) === 4`)

	config := eval[string](p, "document.querySelector('#config').textContent")
	assert.Contains(t, config, "webhook_urlhttp://127.0.0.1")
	assert.NotContains(t, config, servicetest.ServiceKey)
	assert.Equal(t, 1., eval[float64](p, "document.querySelectorAll('h1').length"))
	assert.Empty(t, eval[[]string](p, `[...new Set(performance.getEntriesByType('resource').map((e) => new URL(e.name).origin))].filter((o) => o !== location.origin)`), "everything is loaded from the same origin")
	p.checkLayouts("well")
	p.exec("document.querySelector('details').open = true")
	p.checkLayouts("config")
	assert.Empty(t, p.consoleErrors(false))
}

// postForUser posts with the service key, for tests whose viewers cannot log in.
func postForUser(t *testing.T, s *servicetest.Service, v servicetest.Viewer, route, body string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, fmt.Sprintf("%s%s/users/%d%s", s.URL, base, v.ID, route), strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+servicetest.ServiceKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusCreated, res.StatusCode)
}

func TestStatusPageProblems(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	proxy := servicetest.NewFaultProxy(t, servicetest.AddressOf(t, db.DSN))
	env := servicetest.Settings(servicetest.WithAddress(t, db.DSN, proxy.Address), receiver.URL)
	delete(env, "WORDPRESS_NONCE_SALT")
	env["AUTOWEBINAR_WEBHOOK_RETRY"] = "100ms,5s"
	s := servicetest.Start(t, env).Ready(t)
	receiver.SetDown(true)
	for id := uint64(1); id <= 2; id++ { // failures of a single viewer do not open the breaker
		postForUser(t, s, servicetest.NewViewer(t, db, id), "/enter", `{"webinar_id":"pro"}`)
	}
	db.SetMeta(t, 1, "autowebinar_outbox_dead", "1|client_webinar_left|7f4df4ea-0000-5000-8000-000000000000|1|pro|auto|x|user_exit||9|1|1")

	b := startBrowser(t)
	p := b.tab(t, s.Admin+"/")
	p.waitForText("#headline", "Service disrupted")
	p.waitForText("#problems", "The receiver is not accepting events (status 500)")
	p.waitForText("#problems", "No events are lost: 2 events pending")
	p.waitForText("#problems", "1 dead event")
	p.waitForText("#problems", "WordPress logins disabled: ")
	p.waitForText("#receiver", "Not delivering")
	p.waitForText("#errors", "unavailable: status 500")
	p.waitForText("#dead", "1")
	p.checkLayouts("trouble")

	receiver.SetDown(false)
	receiver.WaitFor(t, "1", "entered")
	p.waitFor(`!document.querySelector('#problems').textContent.includes('The receiver is not')`)
	p.waitForText("#receiver", "Delivering")

	proxy.Cut()
	p.waitForText("#problems", "Database unavailable: ")
	p.waitForText("#ready", "Not ready")
	p.checkLayouts("database")
	proxy.Clear()
	p.waitForText("#ready", "Ready")

	s.Kill()
	p.waitForText("#headline", "Service not responding")
	p.waitForText("#problems", "Last update at ")
	p.checkLayouts("lost")
	assert.Empty(t, p.consoleErrors(true))
}
