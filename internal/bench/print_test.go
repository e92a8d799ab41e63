package bench

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const legend = `
All columns but min and max are medians over the rounds; ratios compare measurements of the same round.
trips, commits: statements and durable commits per report, as counted by the database.
µs: CPU time per report of the database, of the service (e: of nginx and PHP) and of the load generator
(d, e: wrk; a to c: this process, which includes driver and store).
MB: resident memory of the service after the measurement. At the beginning of each measurement of d the service has
the viewers' logins in its cache, as it would at this rate of reports per viewer; it reloads them after 30 s.
`

// printReports prints one row per variant. The first variant is the base of the
// ratios; the last may be WordPress.
func printReports(w io.Writer, title string, variants []*variant) {
	fmt.Fprintf(w, "\n%s\n", title)
	rows := [][]string{{"", "reports/s", "min", "max", "×a", "p50 ms", "p99 ms", "trips", "commits", "db µs", "service µs", "load µs", "MB"}}
	for _, v := range variants {
		rows = append(rows, v.row(variants[0]))
	}
	printTable(w, rows)
	last := variants[len(variants)-1]
	if !strings.HasPrefix(last.name, "e") {
		return
	}
	for _, v := range variants {
		if strings.HasPrefix(v.name, "d") {
			fmt.Fprintf(w, "%s: %s × a, %s × e; its p99 is %s × the p50 of e\n", v.name,
				ratioToBase(v.results, variants[0].results, result.rate), ratioToBase(v.results, last.results, result.rate),
				formatRatio(median(v.results, p99)/median(last.results, p50)))
		}
	}
}

// commits returns the number of durable commits. With autocommit every write
// statement is a commit.
func (v *variant) commits(r result) int64 {
	if v.autocommit {
		return r.writes
	}
	return r.transactions
}

func (v *variant) rate() float64 { return median(v.results, result.rate) }

func p50(r result) float64 { return milliseconds(r.p50) }
func p99(r result) float64 { return milliseconds(r.p99) }

func (v *variant) row(base *variant) []string {
	rates := values(v.results, result.rate)
	figure := func(format string, f func(result) float64) string {
		if value := median(v.results, f); value != 0 {
			return fmt.Sprintf(format, value)
		}
		return "-"
	}
	return []string{
		v.name,
		fmt.Sprintf("%.0f", v.rate()), fmt.Sprintf("%.0f", slices.Min(rates)), fmt.Sprintf("%.0f", slices.Max(rates)),
		ratioToBase(v.results, base.results, result.rate),
		figure("%.2f", p50), figure("%.2f", p99),
		figure("%.3f", func(r result) float64 { return r.perReport(float64(r.questions)) }),
		figure("%.3f", func(r result) float64 { return r.perReport(float64(v.commits(r))) }),
		figure("%.0f", func(r result) float64 { return r.perReport(microseconds(r.database)) }),
		figure("%.0f", func(r result) float64 { return r.perReport(microseconds(r.service)) }),
		figure("%.0f", func(r result) float64 { return r.perReport(microseconds(r.sample.cpu)) }),
		figure("%.0f", func(r result) float64 { return r.memory }),
	}
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
