package bench

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// build builds the binary as `make build` does and returns its path.
func build(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "autowebinar")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "../../cmd/autowebinar")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, string(out))
	return path
}

// service is a running binary.
type service struct {
	pid   int
	url   string // base URL of the API
	admin string // base URL of the admin address
	ready time.Duration
	stop  func()

	loginsWarmedAt time.Time
}

// startService runs the binary on a site with production settings. Only the rate
// limit per viewer and the check of playback speed are off, because the load
// generator reports faster than real players.
func startService(b *testing.B, binary string, s *site, settings ...string) *service {
	b.Helper()
	public, admin := freeAddress(b), freeAddress(b)
	cmd := exec.Command(binary, "serve")
	cmd.Env = append(saltVariables(),
		"AUTOWEBINAR_LISTEN="+public, "AUTOWEBINAR_ADMIN_LISTEN="+admin,
		"AUTOWEBINAR_DB_DSN="+s.account.FormatDSN(),
		"AUTOWEBINAR_RATE_VIEWER=0", "AUTOWEBINAR_MAX_PLAYBACK_RATE=0",
		"AUTOWEBINAR_WEBHOOK_SECRET=whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDdfbxuFNtZ3o=")
	if !strings.Contains(strings.Join(settings, "\n"), "AUTOWEBINAR_WEBHOOK_URL=") {
		settings = append(settings, "AUTOWEBINAR_WEBHOOK_URL=off")
	}
	cmd.Env = append(cmd.Env, settings...)
	start := time.Now()
	require.NoError(b, cmd.Start())
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}
	}
	b.Cleanup(stop)
	svc := &service{pid: cmd.Process.Pid, url: "http://" + public + "/wp-json/autowebinar/v1", admin: "http://" + admin, stop: stop}
	svc.waitFor(b, "/readyz", `"ready"`)
	svc.ready = time.Since(start)
	return svc
}

// waitFor waits until a response of the admin address contains a text.
func (s *service) waitFor(b *testing.B, path, text string) {
	b.Helper()
	for start := time.Now(); !strings.Contains(fetch(s.admin+path), text); {
		require.Less(b, time.Since(start), time.Minute, "%s does not contain %q", path, text)
		time.Sleep(time.Millisecond)
	}
}

func fetch(url string) string {
	res, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return string(text)
}

func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	return l.Addr().String()
}

// requireAccepted checks that a report succeeds, because rejected reports would make
// the service look fast.
func requireAccepted(b *testing.B, url string, v viewer, position int64) {
	b.Helper()
	require.NoError(b, v.send(http.DefaultClient, http.MethodPost, url, fmt.Sprintf(`{"position_sec":%d,"webinar_id":%q}`, position, webinarID)))
}

// send makes a request as the viewer. Any status but 2xx is an error.
func (v *viewer) send(client *http.Client, method, url, body string) error {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Cookie", v.cookie)
	req.Header.Set("X-WP-Nonce", v.nonce)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %s", url, res.Status, text)
	}
	return err
}

// newClient returns a client with a fixed number of connections, like a proxy.
func newClient(connections int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, DisableCompression: true},
		Timeout:   20 * time.Second,
	}
}

// warmLogins sends one request of each viewer, so that the logins are cached,
// unless that happened recently.
func (s *service) warmLogins(b *testing.B, viewers []viewer) {
	b.Helper()
	if time.Since(s.loginsWarmedAt) < 10*time.Second {
		return
	}
	client := newClient(32)
	defer client.CloseIdleConnections()
	var group errgroup.Group
	group.SetLimit(32)
	for _, v := range viewers {
		group.Go(func() error { return v.send(client, http.MethodGet, s.url+"/session", "") })
	}
	require.NoError(b, group.Wait())
	s.loginsWarmedAt = time.Now()
}

// saveProfile saves a profile of the service.
func (s *service) saveProfile(b *testing.B, folder, name, query string) {
	b.Helper()
	res, err := http.Get(s.admin + "/debug/pprof/" + query)
	require.NoError(b, err)
	defer res.Body.Close()
	file, err := os.Create(filepath.Join(folder, name+".pprof"))
	require.NoError(b, err)
	_, err = io.Copy(file, res.Body)
	require.NoError(b, err)
	require.NoError(b, file.Close())
}

// BenchmarkStart measures the size of the binary, its time until ready and its
// memory without load.
func BenchmarkStart(b *testing.B) {
	s := newSite(b, startServer(b), "start")
	binary := build(b)
	info, err := os.Stat(binary)
	require.NoError(b, err)
	var ready []time.Duration
	var memory float64
	for range 5 {
		svc := startService(b, binary, s)
		ready, memory = append(ready, svc.ready), max(memory, residentMB(svc.pid))
		svc.stop()
	}
	b.ReportMetric(0, "ns/op")
	fmt.Printf("\nbinary %.1f MB, ready after %.0f ms, %.0f MB resident without load\n",
		float64(info.Size())/1e6, milliseconds(percentile(ready, 50)), memory)
}
