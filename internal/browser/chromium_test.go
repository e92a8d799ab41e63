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

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/chromiumtest"
)

// patience is how long a condition may take to come true on a busy machine.
const waitTimeout = 40 * time.Second

// seats are for the browsers that run at once: each wants a core.
var browserSlots = make(chan struct{}, 3)

// browser is a Chromium with a profile of its own.
type browser struct {
	ctx context.Context
}

// open starts a Chromium for the duration of a test.
func startBrowser(t *testing.T, flags ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	browserSlots <- struct{}{}
	t.Cleanup(func() { <-browserSlots })
	ctx, stop, err := chromiumtest.Start(flags...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, stop()) })
	return &browser{ctx}
}

// tab is a page in a browser, and what its console says.
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
	_, err := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	require.NoError(t, err)
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

// complaints are the errors in the console. Those that the browser writes of a
// request that failed are left out where the test made it fail.
func (p *tab) consoleErrors(butNetwork bool) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.errors), func(e string) bool { return butNetwork && strings.HasPrefix(e, "network: ") })
}

// run is bounded; a test's own context is not, since it holds the tab open.
func run[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, waitTimeout)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	require.NoError(p.t, err)
	return value
}

func (p *tab) navigate(address string) { p.t.Helper(); run(p, chromedp.Navigate(address)) }

// close closes the tab as a viewer does.
func (p *tab) close() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, waitTimeout)
	defer cancel()
	_, err := chromedp.Call(ctx, page.Close, cdp.Empty{})
	require.NoError(p.t, err)
}

// do runs a script in the page, as if the viewer had clicked, awaits it and
// decodes its value.
func eval[T any](p *tab, script string) T {
	p.t.Helper()
	text := run(p, chromedp.Evaluate[string]("(async () => JSON.stringify((await ("+script+")) ?? null))()",
		func(e *runtime.EvaluateParams) { e.AwaitPromise, e.UserGesture = ptr(true), ptr(true) }))
	var value T
	require.NoError(p.t, json.Unmarshal([]byte(text), &value), "%s: %s", script, text)
	return value
}

func ptr[T any](value T) *T { return &value }

// does runs a script for its effect.
func (p *tab) exec(script string) { p.t.Helper(); eval[any](p, "(async () => { "+script+" })()") }

// waits until a script is true.
func (p *tab) waitFor(script string) {
	p.t.Helper()
	var last error
	require.Eventually(p.t, func() bool {
		ctx, cancel := context.WithTimeout(p.ctx, waitTimeout)
		defer cancel()
		yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+script+")"))
		last = err
		return yes
	}, waitTimeout, 50*time.Millisecond, "%s; %s", script, lazy(func() string { return fmt.Sprint(last, " ", p.state()) }))
}

func (p *tab) state() string {
	ctx, cancel := context.WithTimeout(p.ctx, time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](
		`JSON.stringify([document.hidden, v?.currentTime, v?.paused, v?.readyState, v?.error?.message, window.told])`))
	return text
}

// told are the details of the events of a type that the attachment has fired.
func (p *tab) events(eventType string) []map[string]any {
	p.t.Helper()
	return eval[[]map[string]any](p, "told.filter((e) => e.type === '"+eventType+"')")
}

// player is the address of the page with code, with options for attach.
func (s *site) playerURL(options string) string {
	return s.URL + "/player?" + url.PathEscape(options)
}
