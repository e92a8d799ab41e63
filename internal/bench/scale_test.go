package bench

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/outbox"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// tableSize is a site whose usermeta table has a given number of rows.
type tableSize struct {
	rows   int
	site   *site
	store  *usermeta.Store
	outbox *outbox.Queue

	single, concurrent []result
	polls              map[int][]result // by the number of waiting events
}

// BenchmarkScale measures a report and a poll of the outbox in tables of several
// sizes, and the poll with several backlogs.
func BenchmarkScale(b *testing.B) {
	o := readOptions(b)
	server := startServer(b)
	var sizes []*tableSize
	for _, rows := range o.rows {
		sizes = append(sizes, newTableSize(b, server, rows))
	}
	for range o.rounds {
		for _, s := range sizes {
			s.single = append(s.single, s.measureReports(b, 1, o.duration/2))
			s.concurrent = append(s.concurrent, s.measureReports(b, 64, o.duration/2))
		}
	}
	backlogs := []int{0, 1_000, 100_000}
	for _, backlog := range backlogs {
		for _, s := range sizes {
			s.fillOutbox(b, backlog)
		}
		for range o.rounds {
			for _, s := range sizes {
				s.polls[backlog] = append(s.polls[backlog], s.measurePoll(b))
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	fmt.Printf("\n\nSize of wp_usermeta. Medians of %d measurements; p50 in ms; %d viewers; load average: %s.\n\n", o.rounds, scaleViewers, loadAverage())
	printScale(os.Stdout, sizes, backlogs)
}

// scaleViewers is so small that most rows of the smallest table are theirs.
const scaleViewers = 800

func newTableSize(b *testing.B, server *mariadbd.Server, rows int) *tableSize {
	b.Helper()
	s := newSite(b, server, fmt.Sprintf("rows_%d", rows))
	s.addViewers(b, scaleViewers, true)
	s.addOtherUsers(b, rows)
	return &tableSize{
		rows: rows, site: s, store: newStore(b, s), polls: map[int][]result{},
		outbox: outbox.New(s.pool(b, 1), outbox.Options{}),
	}
}

// addOtherUsers fills the table up to a number of rows with other users, half of
// whose rows belong to webinars that they have watched.
func (s *site) addOtherUsers(b *testing.B, rows int) {
	b.Helper()
	const others = 1 << 32
	execAll(b, s.admin, fmt.Sprintf(`INSERT INTO wp_usermeta (user_id, meta_key, meta_value)
		SELECT %d, meta_key, meta_value FROM wp_usermeta WHERE user_id = %d`, others, firstViewerID))
	for users := 1; ; users *= 2 {
		var count int
		require.NoError(b, s.admin.Get(&count, "SELECT COUNT(*) FROM wp_usermeta"))
		if count >= rows {
			break
		}
		execAll(b, s.admin, fmt.Sprintf(`INSERT INTO wp_usermeta (user_id, meta_key, meta_value)
			SELECT user_id + %d, meta_key, meta_value FROM wp_usermeta WHERE user_id >= %d LIMIT %d`, users, others, rows-count))
	}
	execAll(b, s.admin, "ANALYZE TABLE wp_usermeta")
}

func (s *tableSize) measureReports(b *testing.B, callers int, d time.Duration) result {
	b.Helper()
	base, rules := s.site.reservePositions(), webinar.Rules{Heartbeat: 10}
	measured, err := closedLoop(callers, d, func(i int64) error {
		return reportProgress(b, s.store, rules, s.site.viewers[i%scaleViewers].id, base+i/scaleViewers)
	})
	require.NoError(b, err)
	return result{sample: measured}
}

// fillOutbox fills the outbox up to a number of events with copies of one that the
// store wrote.
func (s *tableSize) fillOutbox(b *testing.B, backlog int) {
	b.Helper()
	if backlog == 0 {
		return
	}
	p, rules := s.site.viewers[0], webinar.Rules{}
	_, err := s.store.Change(b.Context(), webinar.UserID(p.id), func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return rules.Exit(v, webinar.SessionRef{Webinar: webinarID}, nil, webinar.UserExit, now)
	})
	require.NoError(b, err)
	var value string
	require.NoError(b, s.site.admin.Get(&value, "SELECT meta_value FROM wp_usermeta WHERE meta_key = 'autowebinar_outbox' ORDER BY umeta_id LIMIT 1"))
	var count int
	require.NoError(b, s.site.admin.Get(&count, "SELECT COUNT(*) FROM wp_usermeta WHERE meta_key = 'autowebinar_outbox'"))
	var rows []any
	for i := range backlog - count {
		rows = append(rows, s.site.viewers[i%scaleViewers].id, "autowebinar_outbox", value)
	}
	s.site.insert(b, "wp_usermeta (user_id, meta_key, meta_value)", 3, rows)
}

// measurePoll measures reads of due events for a quarter of a second, in pages
// of the dispatcher's usual size.
func (s *tableSize) measurePoll(b *testing.B) result {
	b.Helper()
	const page = 256
	measured, err := closedLoop(1, time.Second/4, func(int64) error {
		_, err := s.outbox.DueViewers(b.Context(), page)
		return err
	})
	require.NoError(b, err)
	return result{sample: measured}
}

func printScale(w *os.File, sizes []*tableSize, backlogs []int) {
	head := []string{"rows", "single report", "×", "64 callers, reports/s", "×"}
	for _, backlog := range backlogs {
		head = append(head, fmt.Sprintf("poll, %d waiting", backlog))
	}
	rows := [][]string{head}
	first := sizes[0]
	for _, s := range sizes {
		single, concurrent := median(s.single, p50), median(s.concurrent, result.rate)
		row := []string{
			fmt.Sprint(s.rows), fmt.Sprintf("%.2f", single), ratioToBase(s.single, first.single, p50),
			fmt.Sprintf("%.0f", concurrent), ratioToBase(s.concurrent, first.concurrent, result.rate),
		}
		for _, backlog := range backlogs {
			row = append(row, fmt.Sprintf("%.2f", median(s.polls[backlog], p50)))
		}
		rows = append(rows, row)
	}
	printTable(w, rows)
}
