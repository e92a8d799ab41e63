package bench

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

const reportViewers = 5000

// variant is one way of storing reports durably.
type variant struct {
	name string // begins with its letter
	site *site
	pids []int // of the service, if it is a process
	load func(d time.Duration) (sample, error)

	autocommit bool   // every write is a commit
	prepare    func() // runs before each measurement; may be nil

	results []result
}

// BenchmarkReport compares ways of storing progress reports. The measurements
// alternate on the same servers, so that other load on the machine affects all
// variants equally.
func BenchmarkReport(b *testing.B) {
	o := readOptions(b)
	plainServer, loggedServer := startServer(b), startServer(b, binlogArgs...)
	plain, logged := newSite(b, plainServer, "plain"), newSite(b, loggedServer, "logged")
	plain.addViewers(b, reportViewers, true)
	logged.addViewers(b, reportViewers, true)
	binary := build(b)
	plainService := startService(b, binary, plain)
	loggedService := startService(b, binary, logged)

	off := append([]*variant{singleRowVariant(b, plain), transactionVariant(b, plain)}, storeVariants(b, plain)...)
	for _, connections := range []int{32, 64, 256} {
		off = append(off, serviceVariant(b, o, plain, plainService, connections))
	}
	wordPress, missing := wordPressVariant(b, o, plainServer)
	if missing == nil {
		off = append(off, wordPress)
	}
	on := append([]*variant{singleRowVariant(b, logged)}, storeVariants(b, logged)...)
	on = append(on, serviceVariant(b, o, logged, loggedService, 64))

	for range o.rounds {
		for _, v := range slices.Concat(off, on) {
			v.measure(b, o.duration)
		}
	}
	b.ReportMetric(0, "ns/op")
	fmt.Printf("\n\nDurable progress reports. %d alternating measurements of %s per variant; %d viewers; load average: %s.\n", o.rounds, o.duration, reportViewers, loadAverage())
	printReports(os.Stdout, "binary log off", off)
	if missing != nil {
		fmt.Println("e  WordPress was not measured:", missing)
	}
	printReports(os.Stdout, "binary log on, sync_binlog = 1", on)
	fmt.Print(legend)
	if o.profiles != "" {
		saveProfiles(b, o, plain, plainService)
	}
}

// measure adds a result of the given duration.
func (v *variant) measure(b *testing.B, d time.Duration) {
	b.Helper()
	if v.prepare != nil {
		v.prepare()
	}
	m := newMeter(b, v.site, v.pids...)
	s, err := v.load(d)
	require.NoError(b, err, v.name)
	c := m.cost(b)
	if s.cpu == 0 { // the load generator is this process
		s.cpu = c.self
	}
	r := result{sample: s, cost: c}
	if len(v.pids) > 0 {
		r.memory = residentMB(v.pids...)
	}
	v.results = append(v.results, r)
}

// singleRowVariant is the smallest possible durable write: it updates one row by
// its primary key and commits.
func singleRowVariant(b *testing.B, s *site) *variant {
	pool, rows := s.pool(b, 64), s.rowIDs(b, "nickname")
	return &variant{name: "a  one row by primary key, bare driver, 64", site: s, autocommit: true, load: func(d time.Duration) (sample, error) {
		return closedLoop(64, d, func(i int64) error {
			_, err := pool.Exec("UPDATE wp_usermeta SET meta_value = ? WHERE umeta_id = ?", time.Now().UnixNano(), rows[i%reportViewers])
			return err
		})
	}}
}

// transactionVariant is the minimal work of a service without group commit.
func transactionVariant(b *testing.B, s *site) *variant {
	pool := s.pool(b, 64)
	positions, seen := s.rowIDs(b, "autowebinar_last_position_sec"), s.rowIDs(b, "autowebinar_last_seen_at")
	report := func(i, position int64) error {
		tx, err := pool.Beginx()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := lockRows(tx, s.viewers[i%reportViewers].id); err != nil {
			return err
		}
		const update = "UPDATE wp_usermeta SET meta_value = ? WHERE umeta_id = ?"
		if _, err := tx.Exec(update, position, positions[i%reportViewers]); err != nil {
			return err
		}
		if _, err := tx.Exec(update, time.Now().UTC().Format(time.DateTime), seen[i%reportViewers]); err != nil {
			return err
		}
		return tx.Commit()
	}
	return &variant{name: "b  one transaction per request, bare driver, 64", site: s, load: func(d time.Duration) (sample, error) {
		base := s.reservePositions()
		return closedLoop(64, d, func(i int64) error { return report(i, base+i/reportViewers) })
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

// newStore returns the store of the service, running in this process.
func newStore(b *testing.B, s *site) *usermeta.Store {
	store := usermeta.New(s.pool(b, 0), usermeta.Options{})
	store.SetReady()
	return store
}

func storeVariants(b *testing.B, s *site) []*variant {
	var all []*variant
	for _, callers := range []int{1, 16, 64, 512} {
		all = append(all, storeVariant(b, s, callers))
	}
	return all
}

// storeVariant is the store with group commit, without HTTP.
func storeVariant(b *testing.B, s *site, callers int) *variant {
	store, rules := newStore(b, s), webinar.Rules{Heartbeat: 10}
	return &variant{name: fmt.Sprintf("c  store, %d callers", callers), site: s, load: func(d time.Duration) (sample, error) {
		base := s.reservePositions()
		return closedLoop(callers, d, func(i int64) error {
			return reportProgress(b, store, rules, s.viewers[i%reportViewers].id, base+i/reportViewers)
		})
	}}
}

func reportProgress(b *testing.B, store *usermeta.Store, rules webinar.Rules, user uint64, position int64) error {
	_, err := store.Change(b.Context(), webinar.UserID(user), func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		r, err := rules.Progress(v, webinar.SessionRef{Webinar: webinarID}, webinar.Report{Position: position}, now)
		r.Events = nil
		return r, err
	})
	return err
}

// serviceVariant is the whole service with HTTP, WordPress logins, rules and group
// commit.
func serviceVariant(b *testing.B, o options, s *site, svc *service, connections int) *variant {
	logins, url := writeLogins(b, s.viewers), svc.url+"/progress"
	requireAccepted(b, url, s.viewers[0], s.reservePositions())
	return &variant{
		name: fmt.Sprintf("d  service over HTTP, %d connections", connections),
		site: s, pids: []int{svc.pid},
		prepare: func() { svc.warmLogins(b, s.viewers) },
		load: func(d time.Duration) (sample, error) {
			return wrk(o, connections, d, url, logins, s.reservePositions())
		},
	}
}

// saveProfiles saves profiles of the service under load, for go tool pprof.
func saveProfiles(b *testing.B, o options, s *site, svc *service) {
	v := serviceVariant(b, o, s, svc, 64)
	done := make(chan error, 1)
	go func() {
		_, err := v.load(10 * time.Second)
		done <- err
	}()
	svc.saveProfile(b, o.profiles, "cpu", "profile?seconds=8")
	require.NoError(b, <-done)
	svc.saveProfile(b, o.profiles, "allocs", "allocs")
	svc.saveProfile(b, o.profiles, "heap", "heap")
	fmt.Println("profiles of the service are in", o.profiles)
}
