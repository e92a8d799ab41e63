package bench

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
)

// cost is CPU time and numbers of database operations.
type cost struct {
	database, service, self         time.Duration
	questions, transactions, writes int64
}

// meter measures the cost of the work done since newMeter.
type meter struct {
	db       *sqlx.DB
	database int   // process id
	service  []int // process ids; their children are included
	start    cost
}

func newMeter(b *testing.B, s *site, service ...int) *meter {
	b.Helper()
	m := &meter{db: s.admin, database: s.pid, service: service}
	m.start = m.read(b)
	return m
}

// cost returns the cost since newMeter.
func (m *meter) cost(b *testing.B) cost {
	b.Helper()
	now, start := m.read(b), m.start
	return cost{
		database: now.database - start.database, service: now.service - start.service, self: now.self - start.self,
		questions:    now.questions - start.questions - 1, // without SHOW STATUS itself
		transactions: now.transactions - start.transactions, writes: now.writes - start.writes,
	}
}

func (m *meter) read(b *testing.B) cost {
	b.Helper()
	c := cost{self: ownCPUTime(b), database: cpuTime(m.database)}
	for _, pid := range withChildren(m.service) {
		c.service += cpuTime(pid)
	}
	var counts []struct {
		Name  string `db:"Variable_name"`
		Value int64  `db:"Value"`
	}
	require.NoError(b, m.db.Select(&counts, `SHOW GLOBAL STATUS WHERE Variable_name IN
		('Questions', 'Com_commit', 'Com_insert', 'Com_update', 'Com_delete')`))
	for _, count := range counts {
		switch count.Name {
		case "Questions":
			c.questions = count.Value
		case "Com_commit":
			c.transactions = count.Value
		default:
			c.writes += count.Value
		}
	}
	return c
}

func ownCPUTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// clockTick is the unit of times in /proc: USER_HZ is 100 on all current Linux
// systems.
const clockTick = 10 * time.Millisecond

// cpuTime returns the CPU time of a process, or 0 if it does not exist.
func cpuTime(pid int) time.Duration {
	fields := procStat(pid)
	if fields == nil {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick
}

// procStat returns the fields of /proc/<pid>/stat after the command name, which
// may contain spaces: state, parent, … (numbered from 3 in proc(5)).
func procStat(pid int) []string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
}

// withChildren returns the processes and their children.
func withChildren(pids []int) []int {
	all := append([]int(nil), pids...)
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, entry := range entries {
		pid, _ := strconv.Atoi(filepath.Base(entry))
		fields := procStat(pid)
		if fields == nil {
			continue
		}
		for _, parent := range pids {
			if fields[1] == strconv.Itoa(parent) {
				all = append(all, pid)
			}
		}
	}
	return all
}

// residentMB returns the memory of processes and their children in MB. Shared
// memory of several processes counts once.
func residentMB(pids ...int) float64 {
	all := withChildren(pids)
	name := "Pss:"
	if len(all) == 1 {
		name = "Rss:"
	}
	var total float64
	for _, pid := range all {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
		for line := range strings.Lines(string(text)) {
			if value, found := strings.CutPrefix(line, name); found {
				kb, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
				total += kb * 1024 / 1e6
			}
		}
	}
	return total
}

func TestMeterReadsProcess(t *testing.T) {
	t.Parallel()
	for start := time.Now(); cpuTime(os.Getpid()) == 0 && time.Since(start) < time.Minute; {
	}
	require.Positive(t, cpuTime(os.Getpid()))
	require.Greater(t, residentMB(os.Getpid()), 1.0)
	require.Contains(t, withChildren([]int{os.Getppid()}), os.Getpid())
	require.Zero(t, cpuTime(1<<22+1))
}
