package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sample is the result of a load, as its clients measured it.
type sample struct {
	reports  int
	elapsed  time.Duration
	p50, p99 time.Duration
	cpu      time.Duration // of the load generator, if it is another process
}

// closedLoop calls f from several goroutines for a time d. Each goroutine calls
// it again as soon as it returns; i numbers the calls.
func closedLoop(callers int, d time.Duration, f func(i int64) error) (sample, error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	latencies := make([][]time.Duration, callers)
	errs := make([]error, callers)
	start := time.Now()
	for caller := range callers {
		wg.Go(func() {
			for at := start; at.Sub(start) < d && errs[caller] == nil; {
				errs[caller] = f(next.Add(1) - 1)
				now := time.Now()
				latencies[caller] = append(latencies[caller], now.Sub(at))
				at = now
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	all := slices.Concat(latencies...)
	return sample{
		reports: len(all), elapsed: elapsed,
		p50: percentile(all, 50), p99: percentile(all, 99),
	}, errors.Join(errs...)
}

// percentile returns a percentile of all, which it sorts.
func percentile(all []time.Duration, percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*percent/100)]
}

// wrk runs the load generator wrk, which posts reports to url. The file logins is
// the one that writeLogins writes.
func wrk(o options, connections int, d time.Duration, url, logins string, position int64) (sample, error) {
	base, path, err := splitURL(url)
	if err != nil {
		return sample{}, err
	}
	binary, err := o.find("bin/wrk")
	if err != nil {
		return sample{}, fmt.Errorf("%w: install the Debian package wrk", err)
	}
	cmd := exec.Command(binary, "--threads", "2", "--connections", strconv.Itoa(connections),
		"--duration", d.String(), "--timeout", "10s", "--script", "testdata/progress.lua", base)
	cmd.Env = append(o.environment(), "BENCH_LOGINS="+logins, "BENCH_PATH="+path, "BENCH_POSITION="+strconv.FormatInt(position, 10))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	var summary struct {
		Requests, Micros, Rejected, Failed int
		P50                                int64 `json:"p50_us"`
		P99                                int64 `json:"p99_us"`
	}
	text := string(out)
	if err := json.Unmarshal([]byte(text[max(0, strings.LastIndex(text, "{")):]), &summary); err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if summary.Rejected+summary.Failed > 0 {
		return sample{}, fmt.Errorf("wrk: of %d reports %d were rejected and %d had no response", summary.Requests, summary.Rejected, summary.Failed)
	}
	return sample{
		reports: summary.Requests, elapsed: time.Duration(summary.Micros) * time.Microsecond,
		p50: time.Duration(summary.P50) * time.Microsecond, p99: time.Duration(summary.P99) * time.Microsecond,
		cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
	}, nil
}

func splitURL(url string) (base, path string, err error) {
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		return "", "", fmt.Errorf("not a URL: %q", url)
	}
	host, path, _ := strings.Cut(rest, "/")
	return scheme + "://" + host, "/" + path, nil
}

// find returns the path of a program: below usr/ of the tools, or the installed one.
func (o options) find(name string) (string, error) {
	if path := o.tools + "/packages/usr/" + name; o.tools != "" && isFile(path) {
		return path, nil
	}
	return exec.LookPath(name[strings.LastIndexByte(name, '/')+1:])
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// environment makes the tools find the libraries that were unpacked with them.
func (o options) environment() []string {
	if o.tools == "" {
		return os.Environ()
	}
	return append(os.Environ(), "LD_LIBRARY_PATH="+o.tools+"/libraries")
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	require.Zero(t, percentile(nil, 99))
	require.Equal(t, time.Duration(7), percentile([]time.Duration{7}, 99))
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(99-i))
	}
	require.Equal(t, time.Duration(50), percentile(hundred, 50))
	require.Equal(t, time.Duration(99), percentile(hundred, 99))
}

func TestClosedLoop(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	got, err := closedLoop(4, time.Minute, func(i int64) error {
		if i >= 100 {
			return broken
		}
		return nil
	})
	require.ErrorIs(t, err, broken)
	require.Equal(t, 104, got.reports)
}
