package bench

import (
	"fmt"
	"os"
	"testing"
)

// BenchmarkBaseline compares the service with an older build of it, whose binary
// BENCH_BASELINE names. Both use the same database, one after the other.
func BenchmarkBaseline(b *testing.B) {
	o := readOptions(b)
	if o.baseline == "" {
		return
	}
	site := newSite(b, startServer(b), "baseline")
	site.addViewers(b, reportViewers, true)
	old, current := startService(b, o.baseline, site), startService(b, build(b), site)
	var variants []*variant
	for _, connections := range []int{32, 64, 256} {
		for _, build := range []struct {
			name    string
			service *service
		}{{"baseline", old}, {"current", current}} {
			v := serviceVariant(b, o, site, build.service, connections)
			v.name = fmt.Sprintf("%s, %d connections", build.name, connections)
			variants = append(variants, v)
		}
	}
	for range o.rounds {
		for _, v := range variants {
			v.measure(b, o.duration)
		}
	}
	b.ReportMetric(0, "ns/op")
	fmt.Printf("\n\nReports of two builds. %d alternating measurements of %s each; load average: %s.\n", o.rounds, o.duration, loadAverage())
	for i := 0; i < len(variants); i += 2 {
		printReports(os.Stdout, "", variants[i:i+2])
	}
}
