package bench

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	rampTime  = 30 * time.Second // time in which all viewers enter, and in which all exit
	heartbeat = 10 * time.Second
)

// BenchmarkWebinar simulates a webinar: all viewers enter within half a minute,
// report every ten seconds and leave within half a minute. Each request is due
// at a fixed time, independently of earlier requests, and its latency is
// measured from that time.
func BenchmarkWebinar(b *testing.B) {
	o := readOptions(b)
	s := newSite(b, startServer(b, binlogArgs...), "webinar")
	s.addViewers(b, o.viewers, false)
	tracker := newEventTracker()
	receiver := httptest.NewServer(http.HandlerFunc(tracker.handleWebhook))
	b.Cleanup(receiver.Close)
	svc := startService(b, build(b), s, "AUTOWEBINAR_WEBHOOK_URL="+receiver.URL,
		// The defaults: these viewers report no faster than real ones.
		"AUTOWEBINAR_MAX_PLAYBACK_RATE=2", "AUTOWEBINAR_RATE_VIEWER=50,300")
	svc.waitFor(b, "/metrics", "\nautowebinar_dispatcher_leader 1\n")
	client := newClient(o.connections)

	m := newMeter(b, s, svc.pid)
	start := time.Now()
	peak := make(chan float64)
	done := make(chan struct{})
	go func() { peak <- maxUntil(done, func() float64 { return residentMB(svc.pid) }) }()

	var wg sync.WaitGroup
	for i := range s.viewers {
		wg.Go(func() { runViewer(&s.viewers[i], client, svc.url, start, o.watchTime, tracker) })
	}
	if o.profiles != "" {
		time.Sleep(rampTime / 2)
		svc.saveProfile(b, o.profiles, "webinar-cpu", "profile?seconds=20")
	}
	wg.Wait()
	elapsed := time.Since(start)
	c := m.cost(b)
	require.Eventually(b, tracker.complete, 30*time.Second, 10*time.Millisecond, "events are missing")
	close(done)
	memory := <-peak

	b.ReportMetric(0, "ns/op")
	fmt.Printf("\n\n%d viewers over %d connections, binary log on: enter within %s, a report every %s for %s, exit within %s; load average: %s.\n\n",
		o.viewers, o.connections, rampTime, heartbeat, o.watchTime, rampTime, loadAverage())
	tracker.print(os.Stdout)
	printCost(os.Stdout, c, elapsed, memory)
}

// runViewer sends the requests of one viewer.
func runViewer(v *viewer, client *http.Client, url string, start time.Time, watchTime time.Duration, tracker *eventTracker) {
	enter := start.Add(rand.N(rampTime))
	exit := start.Add(rampTime + watchTime + rand.N(rampTime))
	send := func(due time.Time, route, body string) {
		time.Sleep(time.Until(due))
		err := v.send(client, http.MethodPost, url+route, body)
		tracker.recordResponse(v.id, route, due, err)
	}
	send(enter, "/enter", fmt.Sprintf(`{"webinar_id":%q}`, webinarID))
	report := func(due time.Time, members string) string {
		return fmt.Sprintf(`{"webinar_id":%q,"position_sec":%d,"duration_sec":7200%s}`, webinarID, int(due.Sub(enter).Seconds()), members)
	}
	for due := enter.Add(heartbeat); due.Before(exit); due = due.Add(heartbeat) {
		send(due, "/progress", report(due, ""))
	}
	send(exit, "/exit", report(exit, `,"leave_reason":"user_exit"`))
}

// maxUntil samples a value every second until done and returns the largest.
func maxUntil(done <-chan struct{}, sample func() float64) float64 {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	largest := sample()
	for {
		select {
		case <-done:
			return largest
		case <-tick.C:
			largest = max(largest, sample())
		}
	}
}

func printCost(w io.Writer, c cost, elapsed time.Duration, memory float64) {
	seconds := func(d time.Duration) string {
		return fmt.Sprintf("%.1f s (%.0f %% of one core)", d.Seconds(), 100*d.Seconds()/elapsed.Seconds())
	}
	fmt.Fprintf(w, "CPU time: service %s, database %s, viewers and receiver %s\n", seconds(c.service), seconds(c.database), seconds(c.self))
	fmt.Fprintf(w, "peak memory of the service: %.0f MB; commits: %d; statements: %d\n", memory, c.transactions, c.questions)
}
