package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// TestMain runs the benchmarks on a durable server of their own.
func TestMain(m *testing.M) {
	server, err := mariadbd.Start(context.Background(), mariadbd.Config{Durable: true, BufferPoolMB: 256})
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Setenv(mariadbtest.Env, server.AdminDSN(""))
	code := m.Run()
	_ = server.Close()
	os.Exit(code)
}

const viewers = 5000

// BenchmarkReport compares a progress report that crosses no mark with the
// least that could be written durably: one row by its primary key.
func BenchmarkReport(b *testing.B) {
	db := mariadbtest.New(b)
	cfg, err := mysql.ParseDSN(db.DSN)
	require.NoError(b, err)
	tables := usermeta.Config{DSN: cfg, UsersTable: "wp_users", UsermetaTable: "wp_usermeta", MaxConnections: 64}
	pool, err := usermeta.Open(tables)
	require.NoError(b, err)
	defer pool.Close()
	store := usermeta.New(pool, tables, slog.New(slog.DiscardHandler), nil)
	require.NoError(b, store.Fit(b.Context()))
	rules := webinar.Rules{Heartbeat: 10}
	for id := uint64(1); id <= viewers; id++ {
		db.AddUser(b, id, fmt.Sprintf("viewer%d", id), "")
		db.SetMeta(b, id, "bare", "0")
		require.NoError(b, store.Change(b.Context(), webinar.UserID(id), func(v webinar.Viewer, now time.Time) (webinar.Viewer, []webinar.Event, error) {
			r, err := rules.Enter(v, "intro", "s", now)
			return r.Viewer, nil, err
		}))
	}
	var next atomic.Int64 // positions only rise: every report has something to write
	report := func(int64) error {
		i := next.Add(1)
		return store.Change(b.Context(), webinar.UserID(i%viewers+1), func(v webinar.Viewer, now time.Time) (webinar.Viewer, []webinar.Event, error) {
			r, err := rules.Progress(v, webinar.Which{Webinar: "intro"}, webinar.Report{Position: i/viewers + 1}, now)
			return r.Viewer, nil, err
		})
	}
	for range viewers {
		require.NoError(b, report(0))
	}

	var rows []uint64
	require.NoError(b, db.SQL.Select(&rows, "SELECT umeta_id FROM wp_usermeta WHERE meta_key = 'bare'"))
	bare := func(i int64) error {
		_, err := pool.Exec("UPDATE wp_usermeta SET meta_value = ? WHERE umeta_id = ?", i, rows[i%viewers])
		return err
	}
	var bareTime float64
	b.Run("one row by primary key", func(b *testing.B) { bareTime = parallel(b, 64, bare) })
	for _, callers := range []int{1, 16, 64, 512} {
		b.Run(fmt.Sprintf("the store, %d callers", callers), func(b *testing.B) {
			before := questions(b, db)
			perOp := parallel(b, callers, report)
			b.ReportMetric(float64(questions(b, db)-before-1)/float64(b.N), "roundtrips/op")
			b.ReportMetric(bareTime/perOp, "of-bare-speed")
		})
	}
}

// parallel runs f on 64 goroutines and returns the nanoseconds an operation.
func parallel(b *testing.B, callers int, f func(i int64) error) float64 {
	work := make(chan int64, 1024)
	done := make(chan error, callers)
	b.ResetTimer()
	for range cap(done) {
		go func() {
			var failed error
			for i := range work {
				if err := f(i); err != nil {
					failed = err
				}
			}
			done <- failed
		}()
	}
	for i := range int64(b.N) {
		work <- i
	}
	close(work)
	for range cap(done) {
		require.NoError(b, <-done)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reports/s")
	return float64(b.Elapsed().Nanoseconds()) / float64(b.N)
}

func questions(b *testing.B, db *mariadbtest.DB) int64 {
	var name string
	var count int64
	require.NoError(b, db.SQL.QueryRow("SHOW GLOBAL STATUS LIKE 'Questions'").Scan(&name, &count))
	return count
}

// BenchmarkService measures the binary that is shipped: its size, the time from
// start to ready, and the memory it needs at rest.
func BenchmarkService(b *testing.B) {
	db := mariadbtest.New(b)
	path := filepath.Join(b.TempDir(), "autowebinar")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "../../cmd/autowebinar")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	info, err := os.Stat(path)
	require.NoError(b, err)
	var ready time.Duration
	var resident int64
	runs := 0
	for b.Loop() {
		d, kb := startOnce(b, path, db.DSN)
		ready, resident, runs = ready+d, max(resident, kb), runs+1
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
	b.ReportMetric(float64(ready.Milliseconds())/float64(runs), "ms-to-ready")
	b.ReportMetric(float64(resident)/1e3, "MB-resident")
}

func startOnce(b *testing.B, path, dsn string) (ready time.Duration, residentKB int64) {
	admin := freeAddress(b)
	cmd := exec.Command(path, "serve")
	cmd.Env = []string{"AUTOWEBINAR_LISTEN=127.0.0.1:0", "AUTOWEBINAR_ADMIN_LISTEN=" + admin, "AUTOWEBINAR_DB_DSN=" + dsn, "AUTOWEBINAR_WEBHOOK_URL=off"}
	cmd.Stderr = io.Discard
	begun := time.Now()
	require.NoError(b, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	for {
		res, err := http.Get("http://" + admin + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		require.Less(b, time.Since(begun), 20*time.Second)
		time.Sleep(time.Millisecond)
	}
	return time.Since(begun), resident(b, cmd.Process.Pid)
}

func freeAddress(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	return l.Addr().String()
}

func resident(b *testing.B, pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kb, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			require.NoError(b, err)
			return kb
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
