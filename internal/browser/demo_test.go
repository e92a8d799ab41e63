package browser

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/servicetest"
)

// programs are the paths of the binaries under test.
type programs struct{ demo, service string }

// demo is a running demo with its own database server.
type demo struct {
	URL string
	cmd *exec.Cmd
}

func startDemo(t *testing.T, program programs) *demo {
	t.Helper()
	d := &demo{cmd: exec.Command(program.demo, "--service", program.service, "--db", "mariadbd", "--listen", "127.0.0.1:0")}
	out, err := d.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, d.cmd.Start())
	t.Cleanup(d.stop)
	page := regexp.MustCompile(`page +(\S+)`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := page.FindStringSubmatch(lines.Text()); found != nil {
			d.URL = found[1]
			return d
		}
	}
	t.Fatal("the demo does not start")
	return nil
}

// stop interrupts the demo like Ctrl-C.
func (d *demo) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGINT)
	_ = d.cmd.Wait()
}

// click presses a control of the page by its id.
func (p *tab) click(id string) {
	p.t.Helper()
	p.exec(`document.getElementById('` + id + `').click()`)
}

// metaValue returns the expression for the value of a row in the page's table.
func metaValue(key string) string {
	return `[...document.querySelectorAll('#rows tr')].find((tr) => tr.querySelector('b').textContent === '` + key + `')?.children[1].textContent`
}

// checkAppearance checks the page at three widths and in both themes, and takes
// pictures of it.
func (p *tab) checkAppearance(name string) {
	p.t.Helper()
	dir := os.Getenv(envScreenshots)
	if dir == "" {
		dir = p.t.ArtifactDir()
	}
	require.NoError(p.t, os.MkdirAll(dir, 0o755))
	for _, width := range []int64{360, 768, 1280} {
		for _, theme := range []string{"light", "dark"} {
			p.setLayout(width, theme)
			assert.LessOrEqual(p.t, eval[int64](p, `document.documentElement.scrollWidth`), width, "%s scrolls sideways", name)
			picture := run(p, chromedp.FullScreenshot(100))
			require.NoError(p.t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, theme)), picture, 0o644))
			// Rows that have just changed are highlighted for a moment.
			p.exec(`document.querySelectorAll('#rows tr').forEach((tr) => tr.classList.add('changed'))`)
			p.checkAccessibility(name + ", " + theme)
			p.exec(`document.querySelectorAll('#rows tr').forEach((tr) => tr.classList.remove('changed'))`)
		}
	}
}

// checkAccessibility runs all rules of axe-core: names, roles, landmarks, contrast.
func (p *tab) checkAccessibility(state string) {
	p.t.Helper()
	axe, err := os.ReadFile("../../.ci/npm/node_modules/axe-core/axe.min.js")
	require.NoError(p.t, err)
	run(p, chromedp.Evaluate[int](string(axe)+";0"))
	assert.Empty(p.t, eval[[]string](p, `(await axe.run(document, { iframes: false })).violations
		.map(({ help, nodes }) => help + ': ' + nodes.map(({ html, any }) => html + ' ' + (any[0]?.message ?? '')).join(', '))`), state)
}

func TestDemo(t *testing.T) {
	t.Parallel()
	built := programs{demo: filepath.Join(t.TempDir(), "demo"), service: servicetest.Build(t, "-race")}
	output, err := exec.Command("go", "build", "-race", "-o", built.demo, "autowebinar/cmd/demo").CombinedOutput()
	require.NoError(t, err, string(output))
	for name, test := range map[string]func(*testing.T, programs){
		"delivery": testDemoDelivery, "faults": testDemoFaults, "keyboard": testDemoKeyboard,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, built)
		})
	}
}

// testDemoDelivery checks the page from the first row to the delivery of a
// deferred event.
func testDemoDelivery(t *testing.T, program programs) {
	d := startDemo(t, program)
	p := startBrowser(t).tab(t, d.URL)
	p.waitForText("#receiver-state", "receiver on")
	p.waitForText("#where", "Anna has not entered yet")
	assert.True(t, eval[bool](p, `!document.getElementById('rows-empty').hidden && !document.getElementById('events-empty').hidden`))
	p.checkAppearance("1-before")
	p.click("leave")
	p.waitForText("#note", "no session to leave")
	p.click("back")
	p.waitForText("#note", "no session to resume")

	p.click("play")
	p.click("fast")
	p.waitForText("#events .event.accepted", "entered")
	p.waitForText("#events .event.accepted .pill", "✓ verified")
	p.waitForText("#note", "Anna has entered")

	// Pausing at 25 % and skipping happen in one script: the later the skip, the further
	// it is allowed.
	p.exec(`const video = document.getElementById('video');
		await new Promise((done) => { video.addEventListener('timeupdate', () => ` + metaValue("progress_percent") + ` === '25' && done()); });
		const paused = new Promise((done) => { video.addEventListener('pause', done, { once: true }); });
		document.getElementById('play').click();
		await paused;
		document.getElementById('skip').click()`)
	p.waitForText("#play", "Play")
	p.waitForText("#log", "The service limited the jump")
	p.waitFor(`document.getElementById('video').currentTime < 55`)
	p.waitFor(metaValue("progress_percent") + ` === '25'`) // not 50: skipping reaches no milestone
	p.waitForText("#log", "Milestone reached: 25 %")
	p.waitForText("#where", "milestone reached: 25 %")
	p.waitFor(`document.querySelector('[data-milestone="25"]').classList.contains('done')`)

	p.click("receiver")
	p.waitForText("#receiver-state", "receiver off")
	p.click("register")
	p.waitForText("#queued .event", "registered")
	p.waitForText("#queued .event .details", "attempt")
	p.waitForText("#events .event.down .pill", "rejected")
	p.click("open-phone")
	p.waitFor(`document.querySelector('#chart .other').getAttribute('visibility') === 'visible'`)
	p.waitFor(`document.querySelector('#phone iframe').contentDocument.getElementById('note').textContent.startsWith('Resumed at 0:')`)
	p.checkAppearance("2-waiting")

	p.click("receiver")
	p.waitFor(`document.getElementById('queued-box').hidden`)
	p.waitFor(`![...document.querySelectorAll('#rows b')].some((key) => key.textContent.startsWith('outbox'))`)
	registered := `[...document.querySelectorAll('#events .accepted')].find((li) => li.textContent.includes('registered'))`
	p.waitFor(registered)
	p.exec(registered + `.querySelector('details').open = true`)
	shown := eval[string](p, registered+`.textContent`)
	for _, want := range []string{"1: ", "503 receiver off", "204 accepted", "webhook-signature", "v1,", `"source": "demo page"`} {
		assert.Contains(t, shown, want)
	}
	p.click("close-phone")
	p.waitForText("#events", "left")
	p.checkAppearance("3-arrived")
	assert.Empty(t, p.consoleErrors(false))
}

// testDemoFaults checks that simulated outages are shown and that the player recovers.
func testDemoFaults(t *testing.T, program programs) {
	d := startDemo(t, program)
	p := startBrowser(t).tab(t, d.URL+"?viewer=2&webinar=pro")
	p.waitForText("#receiver-state", "receiver on")
	p.click("play")
	p.waitForText("#note", "Boris has entered")
	p.waitFor(metaValue("last_position_sec") + ` > 2`)

	p.click("network")
	// Reports are sequential: when one is lost, all before it are stored.
	p.waitFor(`/offline: [1-9]\d* lost, saved at/.test(document.getElementById('link').textContent)`)
	row := func() string {
		return eval[string](p, `(await (await fetch('/demo/rows?viewer=2')).json()).rows.find((row) => row.meta_key === 'autowebinar_last_position_sec').meta_value`)
	}
	stored := row()
	p.waitFor(`document.getElementById('video').currentTime > ` + stored + ` + 8`)
	p.waitForText("#where", "s are not stored yet")
	assert.Equal(t, stored, row(), "no report arrives")
	assert.Equal(t, stored, eval[string](p, metaValue("last_position_sec")), "the page shows what is stored")
	p.navigate(d.URL + "?viewer=2&webinar=pro") // the saved position is kept, and the switch stays off
	p.waitForText("#link", "saved at")
	p.click("network")
	p.waitFor(metaValue("last_position_sec") + ` > ` + stored + ` + 6`)
	p.waitForText("#link", "online")
	assert.Empty(t, p.consoleErrors(false))

	p.click("database")
	p.waitForText("#alarm", "The database is unavailable")
	p.waitFor(`document.getElementById('database').getAttribute('aria-checked') === 'false'`)
	p.checkAppearance("4-no-database")
	p.click("database")
	p.waitFor(`document.getElementById('alarm').hidden`)

	p.click("forget")
	p.waitForText("#note", "Press Play to enter as Boris") // the page was loaded again
	p.waitForText("#receiver-state", "receiver on")
	p.waitForText("#where", "Boris has not entered yet")
	p.click("play")
	p.waitForText("#note", "Boris has entered")
	d.stop()
	p.waitForText("#alarm", "The demo is not responding")
	p.waitForText("#link", "service unreachable, saved at")
	p.checkAppearance("5-no-demo")
	assert.Empty(t, p.consoleErrors(true))
}

// testDemoKeyboard reaches and operates all controls by keyboard, in the order of the page.
func testDemoKeyboard(t *testing.T, program programs) {
	d := startDemo(t, program)
	p := startBrowser(t).tab(t, d.URL)
	p.waitForText("#receiver-state", "receiver on")
	press := func(keys string) { run(p, chromedp.KeyEvent(keys)) }
	focused := func() string {
		return eval[string](p, `((e) => e.id || e.getAttribute('href') || e.textContent.trim())(document.activeElement)`)
	}
	tabTo := func(id string) {
		for range 60 {
			if focused() == id {
				return
			}
			press(kb.Tab)
		}
		t.Fatalf("%s cannot be reached", id)
	}
	press(kb.Tab)
	assert.Equal(t, "#stage", focused(), "the first link skips the header")
	for _, id := range []string{
		"?viewer=2&webinar=intro", "?viewer=1&webinar=pro", "theme", "seek", "play", "skip", "fast", "leave", "back", "open-phone",
		"cta", "register", "rating", "comment",
	} {
		tabTo(id)
		assert.NotEqual(t, "none", eval[string](p, `((e) => getComputedStyle(e.id === 'seek' ? e.previousElementSibling : e).outlineStyle)(document.activeElement)`), "%s: the focus is visible", id)
	}
	for _, id := range []string{"network", "receiver", "database", "forget", "Player log 0", "Last response of the service"} {
		tabTo(id)
	}

	p.exec(`document.body.focus()`)
	p.exec(`document.getElementById('theme').focus()`)
	press(kb.Enter)
	assert.Equal(t, "true", eval[string](p, `document.getElementById('theme').getAttribute('aria-pressed')`))
	assert.Equal(t, "dark", eval[string](p, `document.documentElement.dataset.theme`))
	tabTo("play")
	press(kb.Enter)
	p.waitForText("#note", "Anna has entered")
	p.waitForText("#play", "Pause")
	tabTo("network")
	press(" ")
	p.waitForText("#link", "offline")
	press(" ")
	p.waitForText("#link", "online")

	p.exec(`document.querySelector('#rows .key').focus()`)
	p.waitForText("#tip", "It is created when the viewer first enters")
	p.waitFor(`document.getElementById('tip').matches(':popover-open')`)
	assert.Equal(t, "tip", eval[string](p, `document.activeElement.getAttribute('aria-describedby')`))
	press(kb.Escape)
	p.waitFor(`!document.getElementById('tip').matches(':popover-open')`)

	p.exec(`document.getElementById('video').pause()`) // or a milestone would replace the note
	p.waitForText("#play", "Play")
	tabTo("comment")
	press(" indeed" + kb.Enter)
	p.waitForText("#note", "The receiver accepted the form")
	p.waitForText("#events", "form submitted")
	p.exec(`document.querySelector('#events summary').focus()`)
	press(kb.Enter)
	body := eval[string](p, `document.querySelector('#events details[open] pre').textContent`)
	assert.True(t, strings.Contains(body, "indeed") || strings.Contains(body, "client_webinar_entered"), body)
	assert.Empty(t, p.consoleErrors(false))
}
