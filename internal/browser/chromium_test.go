package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/chromiumtest"
)

// waitTimeout bounds every wait for a condition. On a busy machine a video can
// take several times as long as it lasts.
const waitTimeout = 3 * time.Minute

// browserSlots limits how many browsers run at once, because each occupies a
// core.
var browserSlots = make(chan struct{}, 3)

// browser is a Chromium with a separate profile.
type browser struct {
	ctx context.Context
}

// startBrowser starts a Chromium for the duration of a test.
func startBrowser(t *testing.T, flags ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	browserSlots <- struct{}{}
	t.Cleanup(func() { <-browserSlots })
	ctx, stop, err := chromiumtest.Start(flags...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, stop()) })
	return &browser{ctx}
}

// tab is a page in a browser, with the errors in its console.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu     sync.Mutex
	errors []string
}

// tab opens an address in a new tab.
func (b *browser) tab(t *testing.T, address string, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, options...)
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Do(ctx))
	require.NoError(t, chromedp.Listen(ctx, p.listen))
	require.NoError(t, chromiumtest.EnableLog(ctx))
	p.navigate(address)
	return p
}

func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			text := "console:"
			for _, arg := range e.Args {
				text += " " + string(arg.Value) + arg.Description
			}
			p.errors = append(p.errors, text)
		}
	case *runtime.EventExceptionThrown:
		text := "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		p.errors = append(p.errors, text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			p.errors = append(p.errors, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}
}

// consoleErrors returns the errors in the console. Tests that make requests fail
// ignore those that the browser logs for them.
func (p *tab) consoleErrors(ignoreNetwork bool) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.errors), func(e string) bool { return ignoreNetwork && strings.HasPrefix(e, "network: ") })
}

// run runs an action with a time limit. The context of the tab has none, because
// the tab closes with it.
func run[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, waitTimeout)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	require.NoError(p.t, err)
	return value
}

func (p *tab) navigate(address string) { p.t.Helper(); run(p, chromedp.Navigate(address)) }

// close closes the tab as a viewer does, so that its page can handle pagehide.
func (p *tab) close() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, waitTimeout)
	defer cancel()
	require.NoError(p.t, chromiumtest.CloseTab(ctx))
}

// eval evaluates an expression in the page as during a click, awaits its promise
// and decodes its value.
func eval[T any](p *tab, script string) T {
	p.t.Helper()
	text := run(p, chromedp.Evaluate[string]("(async () => JSON.stringify((await ("+script+")) ?? null))()",
		func(e *runtime.EvaluateParams) { e.AwaitPromise, e.UserGesture = ptr(true), ptr(true) }))
	var value T
	require.NoError(p.t, json.Unmarshal([]byte(text), &value), "%s: %s", script, text)
	return value
}

func ptr[T any](value T) *T { return &value }

// exec runs statements in the page and awaits them.
func (p *tab) exec(script string) { p.t.Helper(); eval[any](p, "(async () => { "+script+" })()") }

// waitFor waits until an expression is true in the page.
func (p *tab) waitFor(script string) {
	p.t.Helper()
	var last error
	require.Eventually(p.t, func() bool {
		ctx, cancel := context.WithTimeout(p.ctx, waitTimeout)
		defer cancel()
		isTrue, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+script+")"))
		last = err
		return isTrue
	}, waitTimeout, 50*time.Millisecond, "%s; %s", script, lazy(func() string { return fmt.Sprint(last, " ", p.state()) }))
}

func (p *tab) state() string {
	ctx, cancel := context.WithTimeout(p.ctx, time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](
		`JSON.stringify([document.hidden, v?.currentTime, v?.paused, v?.readyState, v?.error?.message, window.events])`))
	return text
}

// events returns the details of the events of a type that the attachment has fired.
func (p *tab) events(eventType string) []map[string]any {
	p.t.Helper()
	return eval[[]map[string]any](p, "events.filter((e) => e.type === '"+eventType+"')")
}

// playerURL returns the address of codePage, with options for attach as JSON.
func (s *site) playerURL(options string) string {
	return s.URL + "/player?" + url.PathEscape(options)
}
