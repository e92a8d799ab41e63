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

// sample is what a load saw.
type sample struct {
	reports  int
	elapsed  time.Duration
	p50, p99 time.Duration
	cpu      time.Duration // spent by the load itself, where it is another process
}

// closedLoop calls f from so many goroutines, each again as soon as it has its
// answer, for a time. i counts the calls.
func closedLoop(callers int, d time.Duration, f func(i int64) error) (sample, error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	taken := make([][]time.Duration, callers)
	errs := make([]error, callers)
	begun := time.Now()
	for caller := range callers {
		wg.Go(func() {
			for at := begun; at.Sub(begun) < d && errs[caller] == nil; {
				errs[caller] = f(next.Add(1) - 1)
				now := time.Now()
				taken[caller] = append(taken[caller], now.Sub(at))
				at = now
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begun)
	all := slices.Concat(taken...)
	return sample{
		reports: len(all), elapsed: elapsed,
		p50: percentile(all, 50), p99: percentile(all, 99),
	}, errors.Join(errs...)
}

// percentile sorts all.
func percentile(all []time.Duration, percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*percent/100)]
}

// wrk posts reports over so many connections to the route at url.
func wrk(o options, connections int, d time.Duration, url, people string, position int64) (sample, error) {
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
	cmd.Env = append(o.environment(), "BENCH_PEOPLE="+people, "BENCH_PATH="+path, "BENCH_POSITION="+strconv.FormatInt(position, 10))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	var said struct {
		Requests, Micros, Refused, Broken int
		P50                               int64 `json:"p50_us"`
		P99                               int64 `json:"p99_us"`
	}
	text := string(out)
	if err := json.Unmarshal([]byte(text[max(0, strings.LastIndex(text, "{")):]), &said); err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if said.Refused+said.Broken > 0 {
		return sample{}, fmt.Errorf("wrk: of %d reports %d were refused and %d had no answer", said.Requests, said.Refused, said.Broken)
	}
	return sample{
		reports: said.Requests, elapsed: time.Duration(said.Micros) * time.Microsecond,
		p50: time.Duration(said.P50) * time.Microsecond, p99: time.Duration(said.P99) * time.Microsecond,
		cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
	}, nil
}

func splitURL(url string) (base, path string, err error) {
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		return "", "", fmt.Errorf("no URL: %q", url)
	}
	host, path, _ := strings.Cut(rest, "/")
	return scheme + "://" + host, "/" + path, nil
}

// find is a program below usr/ of the tools, or the installed one.
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

// environment lets the tools find the libraries that came with them.
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
