package bench

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/servicetest"
)

const (
	negligible       = 5 * time.Millisecond // nobody feels it, and it may be noise
	reportRate       = 1000                 // a second
	reportingViewers = 1000                 // who send them
)

// BenchmarkWordPressWrites shows what WordPress feels of the service: how long its
// writes take to rows of the very viewers who report a thousand times a second,
// beside how long the same writes take in another database of that server, under
// the same load.
func BenchmarkWordPressWrites(b *testing.B) {
	o := readOptions(b)
	server := startServer(b, binlogArgs...)
	ours, theirs := newSite(b, server, "ours"), newSite(b, server, "theirs")
	for _, s := range []*site{ours, theirs} {
		s.addViewers(b, reportingViewers, true)
		s.addProfiles(b)
	}
	sv := startService(b, build(b), ours)
	same := make([][]time.Duration, 0, o.rounds)
	other := make([][]time.Duration, 0, o.rounds)
	least := math.Inf(1)
	for range o.rounds {
		beside, rate := measureWordPressWrites(b, o, sv, ours, ours)
		apart, otherRate := measureWordPressWrites(b, o, sv, ours, theirs)
		same, other, least = append(same, beside), append(other, apart), min(least, rate, otherRate)
	}
	b.ReportMetric(0, "ns/op")
	fmt.Printf("\nWordPress writing beside %.0f reports a second at least, medians of %d turns:\n\n", least, o.rounds)
	fmt.Printf("| where it writes | p50 | p99 | longest |\n| --- | --- | --- | --- |\n")
	print := func(name string, turns [][]time.Duration) (p99 time.Duration) {
		var half, high, top []time.Duration
		for _, took := range turns {
			half, high, top = append(half, percentile(took, 50)), append(high, percentile(took, 99)), append(top, percentile(took, 100))
		}
		p99 = percentile(high, 50)
		fmt.Printf("| %s | %.1f ms | %.1f ms | %.1f ms |\n", name, milliseconds(percentile(half, 50)), milliseconds(p99), milliseconds(percentile(top, 50)))
		return p99
	}
	beside, apart := print("rows of the same viewers", same), print("another database of the server", other)
	ratio := float64(beside) / float64(apart)
	fmt.Printf("\np99: %.2f × (wanted: at most 2 ×); no write failed\n", ratio)
	if ratio > 2 && beside > negligible || least < 0.95*reportRate {
		b.Errorf("%.2f × beside %.0f reports a second, of %d", ratio, least, reportRate)
	}
}

// measureWordPressWrites is how long WordPress's writes to a site take while the service takes
// reports for another, or the same, and how many it took a second.
func measureWordPressWrites(b *testing.B, o options, sv *service, reported, written *site) (took []time.Duration, rate float64) {
	b.Helper()
	sv.warmLogins(b, reported.viewers)
	ctx, stop := context.WithTimeout(b.Context(), o.duration)
	defer stop()
	var crowd sync.WaitGroup
	var failed sync.Map
	var reports atomic.Int64
	position := reported.reservePositions()
	client := newClient(64)
	defer client.CloseIdleConnections()
	begun := time.Now()
	for worker := range 64 {
		crowd.Go(func() {
			for i := worker; ; i += 64 {
				time.Sleep(time.Until(begun.Add(time.Duration(i) * time.Second / reportRate)))
				if ctx.Err() != nil {
					return
				}
				p := reported.viewers[i%len(reported.viewers)]
				body := fmt.Sprintf(`{"position_sec":%d,"webinar_id":%q}`, position+int64(i/len(reported.viewers)), webinarID)
				if err := p.send(client, "POST", sv.url+"/progress", body); err != nil {
					failed.Store(i, err)
				}
				reports.Add(1)
			}
		})
	}
	neighbour := servicetest.WordPressWriter{DB: written.pool(b, 8).DB, Usermeta: "wp_usermeta"}
	for _, p := range written.viewers {
		neighbour.Users = append(neighbour.Users, p.id)
	}
	took, errs := neighbour.Run(ctx, 4, 5*time.Millisecond)
	crowd.Wait()
	rate = float64(reports.Load()) / time.Since(begun).Seconds()
	require.Empty(b, errs, "writes of WordPress failed")
	failed.Range(func(_, err any) bool {
		b.Fatal(err)
		return false
	})
	return took, rate
}

// addProfiles gives every viewer the rows that WordPress's plugins would.
func (s *site) addProfiles(b *testing.B) {
	b.Helper()
	var meta []any
	for _, p := range s.viewers {
		for _, key := range servicetest.WordPressKeys() {
			meta = append(meta, p.id, key, "x")
		}
	}
	s.insert(b, "wp_usermeta (user_id, meta_key, meta_value)", 3, meta)
	execAll(b, s.admin, "ANALYZE TABLE wp_usermeta")
}
