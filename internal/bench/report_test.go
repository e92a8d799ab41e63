package bench

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

const viewers = 5000

// contestant is one way of storing reports durably.
type contestant struct {
	name string // its letter first
	site *site
	pids []int // of the service, where that is a process of its own
	load func(d time.Duration) (sample, error)

	autocommit bool   // each write is a commit
	prepare    func() // before a turn; nil: nothing to do

	turns []turn
}

// BenchmarkReport compares ways of storing progress reports. All take turns on
// the same servers, so that what else the machine does hits them alike.
func BenchmarkReport(b *testing.B) {
	o := readOptions(b)
	plainServer, loggedServer := startServer(b), startServer(b, binlog...)
	plain, logged := newSite(b, plainServer, "plain"), newSite(b, loggedServer, "logged")
	plain.admit(b, viewers, true)
	logged.admit(b, viewers, true)
	binary := build(b)
	quick := startService(b, binary, plain)
	careful := startService(b, binary, logged)

	off := append([]*contestant{bareRow(b, plain), bareTransaction(b, plain)}, throughStores(b, plain)...)
	for _, connections := range []int{32, 64, 256} {
		off = append(off, throughService(b, o, plain, quick, connections))
	}
	php, noPHP := throughWordPress(b, o, plainServer)
	if noPHP == nil {
		off = append(off, php)
	}
	on := append([]*contestant{bareRow(b, logged)}, throughStores(b, logged)...)
	on = append(on, throughService(b, o, logged, careful, 64))

	for range o.rounds {
		for _, c := range slices.Concat(off, on) {
			c.take(b, o.slice)
		}
	}
	b.ReportMetric(0, "ns/op")
	fmt.Printf("\n\nA progress report, durably. %d turns of %s each, by turns; %d viewers; load of the machine: %s.\n", o.rounds, o.slice, viewers, loadAverage())
	printReports(os.Stdout, "binary log off", off)
	if noPHP != nil {
		fmt.Println("e  WordPress takes no part:", noPHP)
	}
	printReports(os.Stdout, "binary log on, sync_binlog = 1", on)
	fmt.Print(legend)
	if o.profiles != "" {
		profile(b, o, plain, quick)
	}
}

// take lets a contestant have a turn.
func (c *contestant) take(b *testing.B, d time.Duration) {
	b.Helper()
	if c.prepare != nil {
		c.prepare()
	}
	m := newMeter(b, c.site, c.pids...)
	seen, err := c.load(d)
	require.NoError(b, err, c.name)
	spent := m.cost(b)
	if seen.cpu == 0 { // the load is this process
		seen.cpu = spent.self
	}
	t := turn{sample: seen, cost: spent}
	if len(c.pids) > 0 {
		t.memory = resident(c.pids...)
	}
	c.turns = append(c.turns, t)
}

// bareRow is the least that could be written durably: one row by its primary
// key, one commit.
func bareRow(b *testing.B, s *site) *contestant {
	pool, rows := s.pool(b, 64), s.rowIDs(b, "nickname")
	return &contestant{name: "a  one row by primary key, bare driver, 64", site: s, autocommit: true, load: func(d time.Duration) (sample, error) {
		return closedLoop(64, d, func(i int64) error {
			_, err := pool.Exec("UPDATE wp_usermeta SET meta_value = ? WHERE umeta_id = ?", time.Now().UnixNano(), rows[i%viewers])
			return err
		})
	}}
}

// bareTransaction is what a service without group commit would do at least.
func bareTransaction(b *testing.B, s *site) *contestant {
	pool := s.pool(b, 64)
	positions, seen := s.rowIDs(b, "autowebinar_last_position_sec"), s.rowIDs(b, "autowebinar_last_seen_at")
	report := func(i, position int64) error {
		tx, err := pool.Beginx()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := lockRows(tx, s.people[i%viewers].id); err != nil {
			return err
		}
		const update = "UPDATE wp_usermeta SET meta_value = ? WHERE umeta_id = ?"
		if _, err := tx.Exec(update, position, positions[i%viewers]); err != nil {
			return err
		}
		if _, err := tx.Exec(update, time.Now().UTC().Format(time.DateTime), seen[i%viewers]); err != nil {
			return err
		}
		return tx.Commit()
	}
	return &contestant{name: "b  one transaction a request, bare driver, 64", site: s, load: func(d time.Duration) (sample, error) {
		base := s.reserve()
		return closedLoop(64, d, func(i int64) error { return report(i, base+i/viewers) })
	}}
}

func lockRows(tx *sqlx.Tx, user uint64) error {
	rows, err := tx.Query(`SELECT umeta_id, meta_key, meta_value FROM wp_usermeta FORCE INDEX (user_id)
		WHERE user_id = ? AND meta_key LIKE 'autowebinar\_%' FOR UPDATE`, user)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id uint64
		var key, value string
		if err := rows.Scan(&id, &key, &value); err != nil {
			return err
		}
	}
	return rows.Err()
}

// newStore is the service's store in this process.
func newStore(b *testing.B, s *site) *usermeta.Store {
	tables := s.tables(0)
	store := usermeta.New(s.pool(b, 0), tables, slog.New(slog.DiscardHandler), nil)
	require.NoError(b, store.Verify(b.Context()))
	return store
}

func throughStores(b *testing.B, s *site) []*contestant {
	var all []*contestant
	for _, callers := range []int{1, 16, 64, 512} {
		all = append(all, throughStore(b, s, callers))
	}
	return all
}

// throughStore is group commit alone.
func throughStore(b *testing.B, s *site, callers int) *contestant {
	store, rules := newStore(b, s), webinar.Rules{Heartbeat: 10}
	return &contestant{name: fmt.Sprintf("c  the store, %d callers", callers), site: s, load: func(d time.Duration) (sample, error) {
		base := s.reserve()
		return closedLoop(callers, d, func(i int64) error {
			return progress(b, store, rules, s.people[i%viewers].id, base+i/viewers)
		})
	}}
}

func progress(b *testing.B, store *usermeta.Store, rules webinar.Rules, user uint64, position int64) error {
	return store.Change(b.Context(), webinar.UserID(user), func(v webinar.Viewer, now time.Time) (webinar.Viewer, []webinar.Event, error) {
		r, err := rules.Progress(v, webinar.SessionRef{Webinar: webinarID}, webinar.Report{Position: position}, now)
		return r.Viewer, nil, err
	})
}

// throughService is everything: HTTP, the WordPress login, rules, group commit.
func throughService(b *testing.B, o options, s *site, sv *service, connections int) *contestant {
	people, url := writePeople(b, s.people), sv.url+"/progress"
	try(b, url, s.people[0], s.reserve())
	return &contestant{
		name: fmt.Sprintf("d  the service over HTTP, %d connections", connections),
		site: s, pids: []int{sv.pid},
		prepare: func() { sv.logIn(b, s.people) },
		load:    func(d time.Duration) (sample, error) { return wrk(o, connections, d, url, people, s.reserve()) },
	}
}

// profile keeps what the service does under load, for go tool pprof.
func profile(b *testing.B, o options, s *site, sv *service) {
	c := throughService(b, o, s, sv, 64)
	done := make(chan error, 1)
	go func() {
		_, err := c.load(10 * time.Second)
		done <- err
	}()
	sv.saveProfile(b, o.profiles, "cpu", "profile?seconds=8")
	require.NoError(b, <-done)
	sv.saveProfile(b, o.profiles, "allocs", "allocs")
	sv.saveProfile(b, o.profiles, "heap", "heap")
	fmt.Println("profiles of the service are in", o.profiles)
}
