package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// result is one measurement of a variant.
type result struct {
	sample
	cost
	memory float64 // of the service in MB; 0 if the service is not a process
}

func (r result) rate() float64 { return float64(r.reports) / r.elapsed.Seconds() }

// perReport divides a total of the measurement by its number of reports.
func (r result) perReport(total float64) float64 { return total / float64(r.reports) }

// median returns the median of f over the results.
func median(results []result, f func(result) float64) float64 {
	return medianOf(values(results, f))
}

// ratioToBase returns the median ratio of f to its value for the base in the same
// round, because other load on the machine affects both.
func ratioToBase(results, base []result, f func(result) float64) string {
	ratios := make([]float64, len(results))
	for i := range results {
		ratios[i] = f(results[i]) / f(base[i])
	}
	return formatRatio(medianOf(ratios))
}

func values(results []result, f func(result) float64) []float64 {
	all := make([]float64, len(results))
	for i, r := range results {
		all[i] = f(r)
	}
	return all
}

func medianOf[T cmp.Ordered](all []T) T {
	all = slices.Clone(all)
	slices.Sort(all)
	return all[len(all)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// printTable aligns rows of cells: text in the first column, numbers in the others.
func printTable(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line := fmt.Sprintf("%-*s", widths[0], row[0])
		for i, cell := range row[1:] {
			line += fmt.Sprintf("  %*s", widths[i+1], cell)
		}
		fmt.Fprintln(w, line)
	}
}

// formatRatio rounds a ratio for display.
func formatRatio(ratio float64) string {
	if ratio >= 10 {
		return fmt.Sprintf("%.0f", ratio)
	}
	return fmt.Sprintf("%.2f", ratio)
}

func TestTableFormatting(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	printTable(&out, [][]string{{"", "reports/s"}, {"a", "1"}, {"the longest", "22"}})
	require.Equal(t, "             reports/s\n"+"a                    1\n"+"the longest         22\n", out.String())
	require.Equal(t, []string{"0.50", "103"}, []string{formatRatio(0.5), formatRatio(103.2)})
	require.Equal(t, 3.0, medianOf([]float64{9, 3, 1}))

	results := func(reports ...int) (all []result) {
		for _, n := range reports {
			all = append(all, result{sample: sample{reports: n, elapsed: time.Second}})
		}
		return all
	}
	require.Equal(t, "2.00", ratioToBase(results(20, 200, 5), results(10, 100, 1), result.rate), "the ratio is taken per round")
}
