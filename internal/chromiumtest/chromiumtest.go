// Package chromiumtest starts Chromium for tests and sends it DevTools commands.
// Their parameters are written out and limited to those that every Chromium since
// MinVersion accepts, because the cdproto packages follow the newest protocol, which
// the browser of a distribution may not support yet. Test packages send no commands
// themselves.
package chromiumtest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// MinVersion is the oldest major version of Chromium that the tests support.
const MinVersion = 130

// startTimeout bounds the start of a browser, which takes long on a busy machine.
const startTimeout = 2 * time.Minute

// Start starts a headless Chromium with a new profile and returns its context,
// in which tabs can be opened, and a function that closes it. It is the program
// chromium unless AUTOWEBINAR_CHROMIUM names another one.
func Start(flags ...chromedp.ExecAllocatorOption) (ctx context.Context, stop func() error, err error) {
	path, err := exec.LookPath(cmp.Or(os.Getenv("AUTOWEBINAR_CHROMIUM"), "chromium"))
	if err != nil {
		return nil, nil, fmt.Errorf("the browser tests need Chromium %d or later, which .ci/install installs on Debian: %w", MinVersion, err)
	}
	allocator, release := chromedp.NewExecAllocator(context.Background(), slices.Concat(
		chromedp.DefaultExecAllocatorOptions[:],
		[]chromedp.ExecAllocatorOption{
			chromedp.ExecPath(path),
			chromedp.Flag("headless", "new"), // before version 132 not the default, and the old mode hides no tabs
			chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-component-update", true),
			chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		}, flags)...)
	ctx, _ = chromedp.NewContext(allocator)
	stop = func() error {
		defer release()
		return chromedp.Cancel(ctx)
	}
	// The browser lives as long as the context of its first command, which
	// therefore has no deadline.
	overdue := time.AfterFunc(startTimeout, release)
	version, err := chromedp.CallBrowser(ctx, browser.GetVersion, cdp.Empty{})
	overdue.Stop()
	if err != nil {
		err = fmt.Errorf("%s does not start: %w", path, err)
	} else {
		err = checkVersion(path, version.Product)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return ctx, stop, nil
}

var productVersion = regexp.MustCompile(`/(\d+)\.`)

// checkVersion checks a product name such as HeadlessChrome/148.0.7778.167.
func checkVersion(path, product string) error {
	major := 0
	if found := productVersion.FindStringSubmatch(product); found != nil {
		major, _ = strconv.Atoi(found[1]) // 0 if out of range
	}
	if major < MinVersion {
		return fmt.Errorf("%s is %s; the browser tests need Chromium %d or later", path, product, MinVersion)
	}
	return nil
}

type params map[string]any

func send(ctx context.Context, method string, p params) error {
	_, err := chromedp.Call(ctx, cdp.Command[params, cdp.Empty]{Method: method}, p)
	return err
}

// SetOffline disconnects a tab from the network or connects it again. Newer
// protocols deprecate the command in favor of two that older browsers lack.
func SetOffline(tab context.Context, offline bool) error {
	return send(tab, "Network.emulateNetworkConditions", params{
		"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
	})
}

// SetViewport sets the size of a tab's viewport in CSS pixels.
func SetViewport(tab context.Context, width, height int64) error {
	return send(tab, "Emulation.setDeviceMetricsOverride", params{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
	})
}

// SetMediaFeatures sets CSS media features of a tab, such as
// prefers-color-scheme, and resets all others.
func SetMediaFeatures(tab context.Context, features map[string]string) error {
	var list []params
	for name, value := range features {
		list = append(list, params{"name": name, "value": value})
	}
	return send(tab, "Emulation.setEmulatedMedia", params{"features": list})
}

// KeepFocused makes a tab behave as if it had the focus, also in the background.
func KeepFocused(tab context.Context) error {
	return send(tab, "Emulation.setFocusEmulationEnabled", params{"enabled": true})
}

// EnableLog makes the browser report errors of a tab as log.EventEntryAdded.
func EnableLog(tab context.Context) error {
	_, err := chromedp.Call(tab, log.Enable, cdp.Empty{})
	return err
}

// CloseTab closes a tab as its user does, so that the page can handle pagehide.
func CloseTab(tab context.Context) error {
	_, err := chromedp.Call(tab, page.Close, cdp.Empty{})
	return err
}
