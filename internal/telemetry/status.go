package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"autowebinar/internal/clock"
)

// Status is the response of /status.json, which the status page shows. Counts
// are of this replica since its start, except for the outbox, which all replicas
// share.
type Status struct {
	At        time.Time `json:"at"`
	Version   string    `json:"version"`
	Host      string    `json:"host"`
	StartedAt time.Time `json:"started_at"`

	Level    Level     `json:"level"`    // of the most severe problem
	Problems []Problem `json:"problems"` // the most severe first

	Readiness    Readiness       `json:"readiness"`
	Activity     Activity        `json:"activity"`
	Queue        Queue           `json:"queue"`
	Delivery     Delivery        `json:"delivery"`
	Outbox       *outboxSnapshot `json:"outbox"` // null if there is none
	OldestAge    float64         `json:"oldest_age_sec"`
	RecentErrors []DeliveryError `json:"recent_errors"`
	Settings     []Setting       `json:"settings"`
	History      []Sample        `json:"history"` // one per second, the latest last
}

// Activity is what viewers and other clients did.
type Activity struct {
	ActiveSessions int              `json:"active_sessions"`
	WindowSec      int              `json:"window_sec"` // how long after its last request a session is active
	Entered        uint64           `json:"entered"`
	Milestones     []MilestoneCount `json:"milestones"`
	Completed      uint64           `json:"completed"`
	Reports        uint64           `json:"reports"`
	Clamped        uint64           `json:"clamped"`
	Stale          uint64           `json:"stale"`
	Events         uint64           `json:"events"`
	Requests       uint64           `json:"requests"`
	ServerErrors   uint64           `json:"server_errors"`
	Rejected       uint64           `json:"rejected"`
	LoginsDisabled string           `json:"logins_disabled,omitempty"` // the reason; empty if WordPress logins are enabled
}

// MilestoneCount is the number of sessions that reached a milestone.
type MilestoneCount struct {
	Percent  int    `json:"percent"`
	Sessions uint64 `json:"sessions"`
}

// Setting is one setting of the configuration, without secrets.
type Setting struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// MonitorConfig configures a Monitor.
type MonitorConfig struct {
	Version        string
	Host           string // of this replica
	Metrics        *Metrics
	Health         *Health
	Sources        Sources
	Settings       []Setting    // redacted
	LoginsDisabled string       // the reason; empty if WordPress logins are enabled
	Log            *slog.Logger // nil: slog.Default
}

// Monitor records the recent history, polls the outbox and finds problems.
type Monitor struct {
	cfg     MonitorConfig
	started time.Time
	history *history
	outbox  *outboxPoller // nil without an outbox
}

// NewMonitor returns a monitor and registers the metrics of its sources. Run
// starts it.
func NewMonitor(cfg MonitorConfig) *Monitor {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	m := &Monitor{cfg: cfg, started: clock.Now().UTC(), history: &history{metrics: cfg.Metrics}}
	if cfg.Sources.OutboxStats != nil {
		m.outbox = &outboxPoller{query: cfg.Sources.OutboxStats, log: cfg.Log}
	}
	cfg.Metrics.registry.MustRegister(newCollector(cfg.Sources, m.outbox, cfg.Health))
	return m
}

// Run samples the metrics and polls the outbox until ctx ends.
func (m *Monitor) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	if m.outbox != nil {
		wg.Go(func() { m.outbox.run(ctx) })
	}
	m.history.run(ctx)
}

// Status returns the current status. It takes no longer than the readiness checks.
func (m *Monitor) Status(ctx context.Context) Status {
	s := Status{
		Version: m.cfg.Version, Host: m.cfg.Host, StartedAt: m.started,
		Readiness: m.cfg.Health.Readiness(ctx),
		Queue:     m.cfg.Sources.Queue(), Delivery: m.cfg.Sources.Delivery(),
		Activity: m.activity(), RecentErrors: m.cfg.Metrics.recentErrors.snapshot(),
		Settings: m.cfg.Settings, History: m.history.samples(),
	}
	s.At = clock.Now().UTC()
	if m.outbox != nil {
		outbox := m.outbox.snapshot()
		s.Outbox, s.OldestAge = &outbox, outbox.age(s.At).Seconds()
	}
	s.Problems = problems(s)
	s.Level = OK
	for _, p := range s.Problems {
		s.Level = max(s.Level, p.Level)
	}
	return s
}

func (m *Monitor) activity() Activity {
	metrics := m.cfg.Metrics
	t := metrics.totals()
	a := Activity{
		ActiveSessions: metrics.sessions.count(clock.Now()), WindowSec: int(activeWindow / time.Second),
		Entered: total(metrics.entered), Completed: total(metrics.completed),
		Reports: t.reports, Clamped: total(metrics.clamped), Stale: total(metrics.stale),
		Events: t.events, Requests: t.requests, ServerErrors: t.serverErrors, Rejected: t.rejected,
		LoginsDisabled: m.cfg.LoginsDisabled,
	}
	for i, percent := range milestones {
		a.Milestones = append(a.Milestones, MilestoneCount{Percent: percent, Sessions: total(metrics.milestones[i])})
	}
	return a
}

func (m *Monitor) serveStatus(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, m.Status(r.Context()))
}
