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

// result is what one turn of a contestant gave.
type result struct {
	sample
	cost
	memory float64 // of the service in MB; 0: it is not a process of its own
}

func (t result) rate() float64 { return float64(t.reports) / t.elapsed.Seconds() }

// perReport is a figure of the whole turn by report.
func (t result) perReport(figure float64) float64 { return figure / float64(t.reports) }

// median is the middle of what f gives for the turns.
func median(turns []result, f func(result) float64) float64 {
	return medianOf(values(turns, f))
}

// ratioToBase is the median of how f compares with the base's in the same round: the
// machine's own ups and downs hit both.
func ratioToBase(turns, base []result, f func(result) float64) string {
	ratios := make([]float64, len(turns))
	for i := range turns {
		ratios[i] = f(turns[i]) / f(base[i])
	}
	return formatRatio(medianOf(ratios))
}

func values(turns []result, f func(result) float64) []float64 {
	all := make([]float64, len(turns))
	for i, t := range turns {
		all[i] = f(t)
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

// printTable aligns rows of cells, the first of which is text, the others figures.
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

// formatRatio is a ratio for people.
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

	turns := func(reports ...int) (all []result) {
		for _, n := range reports {
			all = append(all, result{sample: sample{reports: n, elapsed: time.Second}})
		}
		return all
	}
	require.Equal(t, "2.00", ratioToBase(turns(20, 200, 5), turns(10, 100, 1), result.rate), "by round")
}
