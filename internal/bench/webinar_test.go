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
	rampTime  = 30 * time.Second // in which everybody comes, and in which everybody goes
	heartbeat = 10 * time.Second
)

// BenchmarkWebinar is a webinar: all viewers enter within half a minute, report
// every ten seconds, and leave within half a minute. Nobody waits for anybody:
// a late answer is measured from when its request was due.
func BenchmarkWebinar(b *testing.B) {
	o := readOptions(b)
	s := newSite(b, startServer(b, binlogArgs...), "audience")
	s.addViewers(b, o.viewers, false)
	log := newEventTracker()
	sink := httptest.NewServer(http.HandlerFunc(log.handleWebhook))
	b.Cleanup(sink.Close)
	sv := startService(b, build(b), s, "AUTOWEBINAR_WEBHOOK_URL="+sink.URL,
		// As on a real site, but for this: positions are what the clock says.
		"AUTOWEBINAR_MAX_PLAYBACK_RATE=2", "AUTOWEBINAR_RATE_VIEWER=50,300")
	sv.waitForReadiness(b, `"leads"`)
	client := newClient(o.connections)

	m := newMeter(b, s, sv.pid)
	begun := time.Now()
	peak := make(chan float64)
	over := make(chan struct{})
	go func() { peak <- maxUntil(over, func() float64 { return residentMB(sv.pid) }) }()

	var crowd sync.WaitGroup
	for i := range s.viewers {
		crowd.Go(func() { runViewer(&s.viewers[i], client, sv.url, begun, o.watchTime, log) })
	}
	if o.profiles != "" {
		time.Sleep(rampTime / 2)
		sv.saveProfile(b, o.profiles, "audience-cpu", "profile?seconds=20")
	}
	crowd.Wait()
	took := time.Since(begun)
	spent := m.cost(b)
	require.Eventually(b, log.complete, 30*time.Second, 10*time.Millisecond, "events are missing")
	close(over)
	memory := <-peak

	b.ReportMetric(0, "ns/op")
	fmt.Printf("\n\n%d viewers over %d connections, binary log on: enter within %s, a report each %s for %s, exit within %s; load of the machine: %s.\n\n",
		o.viewers, o.connections, rampTime, heartbeat, o.watchTime, rampTime, loadAverage())
	log.print(os.Stdout)
	printCost(os.Stdout, spent, took, memory)
}

// runViewer is one viewer's visit.
func runViewer(p *viewer, client *http.Client, url string, begun time.Time, watching time.Duration, log *eventTracker) {
	enters := begun.Add(rand.N(rampTime))
	leaves := begun.Add(rampTime + watching + rand.N(rampTime))
	send := func(due time.Time, route, body string) {
		time.Sleep(time.Until(due))
		err := p.send(client, http.MethodPost, url+route, body)
		log.recordResponse(p.id, route, due, err)
	}
	send(enters, "/enter", fmt.Sprintf(`{"webinar_id":%q}`, webinarID))
	report := func(due time.Time, more string) string {
		return fmt.Sprintf(`{"webinar_id":%q,"position_sec":%d,"duration_sec":7200%s}`, webinarID, int(due.Sub(enters).Seconds()), more)
	}
	for due := enters.Add(heartbeat); due.Before(leaves); due = due.Add(heartbeat) {
		send(due, "/progress", report(due, ""))
	}
	send(leaves, "/exit", report(leaves, `,"leave_reason":"user_exit"`))
}

// maxUntil looks every second until over.
func maxUntil(over <-chan struct{}, look func() float64) float64 {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	found := look()
	for {
		select {
		case <-over:
			return found
		case <-tick.C:
			found = max(found, look())
		}
	}
}

func printCost(w io.Writer, spent cost, took time.Duration, memory float64) {
	seconds := func(d time.Duration) string {
		return fmt.Sprintf("%.1f s (%.0f %% of one core)", d.Seconds(), 100*d.Seconds()/took.Seconds())
	}
	fmt.Fprintf(w, "processor: service %s, database %s, viewers and sink %s\n", seconds(spent.service), seconds(spent.database), seconds(spent.self))
	fmt.Fprintf(w, "memory of the service: %.0f MB at most; commits: %d; statements: %d\n", memory, spent.transactions, spent.questions)
}
