package site

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/chromiumtest"
)

// browser is one Chromium for all tests. Each visitor has a separate profile in it.
type browser struct {
	ctx   context.Context
	close func() error
}

// openBrowser starts Chromium at the first call.
func (s *sharedServers) openBrowser(t testing.TB) *browser {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.browser != nil {
		return s.browser
	}
	ctx, stop, err := chromiumtest.Start(
		chromedp.Flag("mute-audio", true), chromedp.Flag("disable-background-media-suspend", true), chromedp.WindowSize(1000, 800))
	require.NoError(t, err)
	s.browser = &browser{ctx, stop}
	return s.browser
}

// waitTimeout bounds every wait for a condition, and each action in a browser.
const waitTimeout = 3 * time.Minute

// visitor is a person with a browser profile.
type visitor struct {
	site *site
	ctx  context.Context
}

// newVisitor opens a browser window without cookies. Its console is logged when
// the test fails.
func newVisitor(t testing.TB, s *site) *visitor {
	t.Helper()
	ctx, cancel := chromedp.NewContext(servers.openBrowser(t).ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &visitor{site: s, ctx: ctx}
	// The browser pauses videos in windows that are not visible.
	require.NoError(t, chromiumtest.KeepFocused(ctx))
	var mu sync.Mutex
	var logged []string
	messages := chromedp.Console(ctx)
	go func() {
		for message, err := range messages {
			if err != nil {
				return
			}
			mu.Lock()
			logged = append(logged, string(message.Type)+": "+message.Text)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		if mu.Lock(); t.Failed() {
			t.Logf("the browser's console:\n%s", strings.Join(logged, "\n"))
		}
		mu.Unlock()
	})
	return p
}

func (p *visitor) do(t testing.TB, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	for _, action := range actions {
		_, err := runAction(p, action)
		require.NoError(t, err)
	}
}

// runAction runs an action with a time limit. The context of the visitor has none,
// because the window closes with it.
func runAction[T any](p *visitor, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, waitTimeout)
	defer cancel()
	return chromedp.Run(ctx, action)
}

// navigate opens an address and waits until it is loaded.
func (p *visitor) navigate(t testing.TB, address string) {
	t.Helper()
	p.do(t, chromedp.Navigate(address))
}

// logIn submits the form of wp-login.php.
func (p *visitor) logIn(t testing.TB, login string) *visitor {
	t.Helper()
	p.navigate(t, p.site.home+"/wp-login.php?redirect_to="+url.QueryEscape(p.site.home+"/"))
	p.do(t,
		chromedp.WaitVisible(chromedp.ID("user_login")),
		chromedp.SetValue(chromedp.ID("user_login"), login), chromedp.SetValue(chromedp.ID("user_pass"), password),
		chromedp.Click(chromedp.ID("wp-submit")),
	)
	p.waitFor(t, `!location.pathname.endsWith('wp-login.php') && document.readyState === 'complete'`)
	return p
}

// eval evaluates an expression in the page, awaits its promise and decodes its
// value into result unless that is nil.
func (p *visitor) eval(t testing.TB, result any, expression string, args ...any) {
	t.Helper()
	text, err := p.evaluate(fmt.Sprintf(expression, args...))
	require.NoError(t, err)
	if result != nil {
		require.NoError(t, json.Unmarshal(text, result), string(text))
	}
}

func (p *visitor) evaluate(expression string) ([]byte, error) {
	return runAction(p, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise))
}

// waitFor waits until an expression is true in the page.
func (p *visitor) waitFor(t testing.TB, expression string) {
	t.Helper()
	require.Eventually(t, func() bool {
		text, err := p.evaluate("Boolean(" + expression + ")")
		return err == nil && string(text) == "true"
	}, waitTimeout, 50*time.Millisecond, expression)
}

// watch plays the video of the page at eight times the normal rate until a
// condition is true, pausing it at a position.
func (p *visitor) watch(t testing.TB, upTo int, until func() bool) {
	t.Helper()
	p.waitFor(t, `document.querySelector('video')?.readyState >= 1`)
	require.Eventually(t, func() bool {
		_, err := p.evaluate(fmt.Sprintf(`(() => {
			const v = document.querySelector('video'), end = %d;
			v.muted = true;
			v.playbackRate = 8;
			v.ontimeupdate = () => v.currentTime >= end && v.pause();
			if (v.paused && v.currentTime >= end) v.currentTime = end - 2; // the condition takes more playback
			if (v.paused && !v.ended) v.play();
		})()`, upTo))
		return err == nil && until()
	}, waitTimeout, 50*time.Millisecond, "watching")
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
