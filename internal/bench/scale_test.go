package bench

import (
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// size is a site whose usermeta table has so many rows.
type size struct {
	rows   int
	site   *site
	store  *usermeta.Store
	outbox *usermeta.Outbox

	alone, crowded []turn
	polls          map[int][]turn // by the number of events that wait
}

// BenchmarkScale shows what a report and a poll of the outbox cost in tables of
// several sizes, and a poll with several backlogs.
func BenchmarkScale(b *testing.B) {
	o := readOptions(b)
	server := startServer(b)
	var sizes []*size
	for _, rows := range o.rows {
		sizes = append(sizes, newSize(b, server, rows))
	}
	for range o.rounds {
		for _, s := range sizes {
			s.alone = append(s.alone, s.reports(b, 1, o.slice/2))
			s.crowded = append(s.crowded, s.reports(b, 64, o.slice/2))
		}
	}
	backlogs := []int{0, 1_000, 100_000}
	for _, backlog := range backlogs {
		for _, s := range sizes {
			s.queue(b, backlog)
		}
		for range o.rounds {
			for _, s := range sizes {
				s.polls[backlog] = append(s.polls[backlog], s.poll(b))
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	fmt.Printf("\n\nThe size of wp_usermeta. %d turns each, medians; p50 in ms; %d viewers; load of the machine: %s.\n\n", o.rounds, scaleViewers, loadAverage())
	printScale(os.Stdout, sizes, backlogs)
}

// scaleViewers is few enough that the smallest table is mostly theirs.
const scaleViewers = 800

func newSize(b *testing.B, server *mariadbd.Server, rows int) *size {
	b.Helper()
	s := newSite(b, server, fmt.Sprintf("rows_%d", rows))
	s.admit(b, scaleViewers, true)
	s.fill(b, rows)
	log := slog.New(slog.DiscardHandler)
	return &size{
		rows: rows, site: s, store: newStore(b, s), polls: map[int][]turn{},
		outbox: usermeta.NewOutbox(s.pool(b, 1), s.tables(0), "", log),
	}
}

// fill brings the table to so many rows: other users, half of whose rows are of
// webinars they once watched.
func (s *site) fill(b *testing.B, rows int) {
	b.Helper()
	const others = 1 << 32
	run(b, s.admin, fmt.Sprintf(`INSERT INTO wp_usermeta (user_id, meta_key, meta_value)
		SELECT %d, meta_key, meta_value FROM wp_usermeta WHERE user_id = %d`, others, firstPerson))
	for users := 1; ; users *= 2 {
		var have int
		require.NoError(b, s.admin.Get(&have, "SELECT COUNT(*) FROM wp_usermeta"))
		if have >= rows {
			break
		}
		run(b, s.admin, fmt.Sprintf(`INSERT INTO wp_usermeta (user_id, meta_key, meta_value)
			SELECT user_id + %d, meta_key, meta_value FROM wp_usermeta WHERE user_id >= %d LIMIT %d`, users, others, rows-have))
	}
	run(b, s.admin, "ANALYZE TABLE wp_usermeta")
}

func (s *size) reports(b *testing.B, callers int, d time.Duration) turn {
	b.Helper()
	base, rules := s.site.reserve(), webinar.Rules{Heartbeat: 10}
	seen, err := closedLoop(callers, d, func(i int64) error {
		return progress(b, s.store, rules, s.site.people[i%scaleViewers].id, base+i/scaleViewers)
	})
	require.NoError(b, err)
	return turn{sample: seen}
}

// queue makes the outbox hold so many events, of the service's own making.
func (s *size) queue(b *testing.B, backlog int) {
	b.Helper()
	if backlog == 0 {
		return
	}
	p, rules := s.site.people[0], webinar.Rules{}
	require.NoError(b, s.store.Change(b.Context(), webinar.UserID(p.id), func(v webinar.Viewer, now time.Time) (webinar.Viewer, []webinar.Event, error) {
		r, err := rules.Exit(v, webinar.SessionRef{Webinar: webinarID}, nil, webinar.UserExit, now)
		return r.Viewer, r.Events, err
	}))
	var value string
	require.NoError(b, s.site.admin.Get(&value, "SELECT meta_value FROM wp_usermeta WHERE meta_key = 'autowebinar_outbox' ORDER BY umeta_id LIMIT 1"))
	var have int
	require.NoError(b, s.site.admin.Get(&have, "SELECT COUNT(*) FROM wp_usermeta WHERE meta_key = 'autowebinar_outbox'"))
	var rows []any
	for i := range backlog - have {
		rows = append(rows, s.site.people[i%scaleViewers].id, "autowebinar_outbox", value)
	}
	s.site.insert(b, "wp_usermeta (user_id, meta_key, meta_value)", 3, rows)
}

// poll reads the queue as often as fits into a quarter of a second, a page of
// the dispatcher's usual size at a time.
func (s *size) poll(b *testing.B) turn {
	b.Helper()
	const page = 256
	seen, err := closedLoop(1, time.Second/4, func(int64) error {
		_, err := s.outbox.DueViewers(b.Context(), page)
		return err
	})
	require.NoError(b, err)
	return turn{sample: seen}
}

func printScale(w *os.File, sizes []*size, backlogs []int) {
	head := []string{"rows", "report alone", "×", "64 callers, reports/s", "×"}
	for _, backlog := range backlogs {
		head = append(head, fmt.Sprintf("poll, %d wait", backlog))
	}
	rows := [][]string{head}
	first := sizes[0]
	for _, s := range sizes {
		alone, crowded := median(s.alone, p50), median(s.crowded, turn.rate)
		row := []string{
			fmt.Sprint(s.rows), fmt.Sprintf("%.2f", alone), beside(s.alone, first.alone, p50),
			fmt.Sprintf("%.0f", crowded), beside(s.crowded, first.crowded, turn.rate),
		}
		for _, backlog := range backlogs {
			row = append(row, fmt.Sprintf("%.2f", median(s.polls[backlog], p50)))
		}
		rows = append(rows, row)
	}
	printTable(w, rows)
}
