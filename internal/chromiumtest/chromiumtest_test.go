package chromiumtest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckVersion(t *testing.T) {
	t.Parallel()
	assert.NoError(t, checkVersion("chromium", "Chrome/148.0.7778.167"))
	assert.NoError(t, checkVersion("chromium", "HeadlessChrome/130.0.6723.0"))
	assert.EqualError(t, checkVersion("chromium", "Chrome/129.0.6668.0"), "chromium is Chrome/129.0.6668.0; the browser tests need Chromium 130 or later")
	assert.ErrorContains(t, checkVersion("other", "Firefox"), "need Chromium 130")
}

func TestOtherPackagesSendNoCommands(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"../browser/*.go", "../site/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.NotRegexp(t, `(chromedp|cdp)\.Call`, string(source), "%s: send DevTools commands in chromiumtest", file)
		}
	}
}

func TestMissingBrowserIsReported(t *testing.T) {
	t.Setenv("AUTOWEBINAR_CHROMIUM", "/does/not/exist")
	_, _, err := Start()
	assert.ErrorContains(t, err, "need Chromium 130 or later")
}

func TestCommandsTakeEffect(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>A page</title>"))
	}))
	t.Cleanup(server.Close)
	browser, stop, err := Start()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, stop()) })
	// Only a page that was loaded over the network can be disconnected from it.
	tab, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(tab, chromedp.Navigate(server.URL)))
	// Commands take effect after the browser has confirmed them.
	becomesTrue := func(expression string) {
		t.Helper()
		require.Eventually(t, func() bool {
			ctx, cancel := context.WithTimeout(tab, time.Minute)
			defer cancel()
			value, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("(async () => "+expression+")()", chromedp.EvalAwaitPromise))
			return err == nil && value
		}, time.Minute, 20*time.Millisecond, expression)
	}
	require.NoError(t, SetOffline(tab, true))
	becomesTrue(`!navigator.onLine && fetch('/').then(() => false, () => true)`)
	require.NoError(t, SetOffline(tab, false))
	becomesTrue(`navigator.onLine && fetch('/').then((response) => response.ok, () => false)`)

	require.NoError(t, SetViewport(tab, 360, 900))
	becomesTrue(`innerWidth === 360 && innerHeight === 900 && devicePixelRatio === 1`)

	require.NoError(t, SetMediaFeatures(tab, map[string]string{"prefers-color-scheme": "dark", "prefers-reduced-motion": "reduce"}))
	becomesTrue(`matchMedia('(prefers-color-scheme: dark)').matches && matchMedia('(prefers-reduced-motion)').matches`)

	require.NoError(t, KeepFocused(tab))
	other, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(other, chromedp.Navigate(server.URL)))
	becomesTrue(`document.hasFocus()`)
}
