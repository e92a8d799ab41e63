package bench

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const legend = `
min and max are of the turns, all else is a median; ratios are of turns in the same round. trips and commits: statements and durable commits a report,
by the database's own count. µs: processor time a report, of the database, of the service (for e of nginx and PHP),
and of the load itself (wrk for d and e; this process, which holds driver and store, for a to c).
MB: resident memory of the service after the turn. The service has the viewers' logins in its cache when a turn of d
begins, as it would have with so many reports a viewer; it reads them again after 30 s.
`

// printReports prints a row a contestant; the first is what they are compared
// with, and the last may be WordPress.
func printReports(w io.Writer, title string, race []*variant) {
	fmt.Fprintf(w, "\n%s\n", title)
	rows := [][]string{{"", "reports/s", "min", "max", "×a", "p50 ms", "p99 ms", "trips", "commits", "db µs", "service µs", "load µs", "MB"}}
	for _, c := range race {
		rows = append(rows, c.row(race[0]))
	}
	printTable(w, rows)
	last := race[len(race)-1]
	if !strings.HasPrefix(last.name, "e") {
		return
	}
	for _, c := range race {
		if strings.HasPrefix(c.name, "d") {
			fmt.Fprintf(w, "%s: %s × a, %s × e; its p99 is %s × the p50 of e\n", c.name,
				ratioToBase(c.results, race[0].results, result.rate), ratioToBase(c.results, last.results, result.rate),
				formatRatio(median(c.results, p99)/median(last.results, p50)))
		}
	}
}

// commits is how often a turn reached the disk: a statement outside a
// transaction is a commit of its own.
func (c *variant) commits(t result) int64 {
	if c.autocommit {
		return t.writes
	}
	return t.transactions
}

func (c *variant) rate() float64 { return median(c.results, result.rate) }

func p50(t result) float64 { return milliseconds(t.p50) }
func p99(t result) float64 { return milliseconds(t.p99) }

func (c *variant) row(base *variant) []string {
	rates := values(c.results, result.rate)
	figure := func(format string, f func(result) float64) string {
		if value := median(c.results, f); value != 0 {
			return fmt.Sprintf(format, value)
		}
		return "-"
	}
	return []string{
		c.name,
		fmt.Sprintf("%.0f", c.rate()), fmt.Sprintf("%.0f", slices.Min(rates)), fmt.Sprintf("%.0f", slices.Max(rates)),
		ratioToBase(c.results, base.results, result.rate),
		figure("%.2f", p50), figure("%.2f", p99),
		figure("%.3f", func(t result) float64 { return t.perReport(float64(t.questions)) }),
		figure("%.3f", func(t result) float64 { return t.perReport(float64(c.commits(t))) }),
		figure("%.0f", func(t result) float64 { return t.perReport(microseconds(t.database)) }),
		figure("%.0f", func(t result) float64 { return t.perReport(microseconds(t.service)) }),
		figure("%.0f", func(t result) float64 { return t.perReport(microseconds(t.sample.cpu)) }),
		figure("%.0f", func(t result) float64 { return t.memory }),
	}
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
