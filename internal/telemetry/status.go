package telemetry

import (
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"autowebinar/internal/clock"
	"autowebinar/internal/config"
	"autowebinar/internal/doctor"
	"autowebinar/internal/outbox"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webhook"
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

	Readiness        Readiness       `json:"readiness"`
	Activity         Activity        `json:"activity"`
	Queue            usermeta.Load   `json:"queue"`
	Delivery         webhook.Stats   `json:"delivery"`
	DeliveryDisabled string          `json:"delivery_disabled,omitempty"` // why this replica never delivers; empty if it may
	Outbox           *outboxSnapshot `json:"outbox"`                      // null without a receiver
	OldestAge        float64         `json:"oldest_age_sec"`
	RecentErrors     []DeliveryError `json:"recent_errors"`
	Salts            doctor.Finding  `json:"salts"`    // unless OK, WordPress logins are disabled
	Settings         config.Config   `json:"settings"` // redacted by its MarshalJSON
	History          []Sample        `json:"history"`  // one per second, the latest last
}

// Activity is what viewers and other clients did.
type Activity struct {
	ActiveSessions int              `json:"active_sessions"`
	WindowSec      int              `json:"window_sec"` // how long after its last request a session is active
	Entered        int              `json:"entered"`
	Milestones     []MilestoneCount `json:"milestones"`
	Completed      int              `json:"completed"`
	Reports        int              `json:"reports"`
	Clamped        int              `json:"clamped"`
	Stale          int              `json:"stale"`
	Events         int              `json:"events"`
	Requests       int              `json:"requests"`
	ServerErrors   int              `json:"server_errors"`
	Rejected       int              `json:"rejected"`

	failedAttempts int // to deliver an event; for the history
}

// MilestoneCount is the number of sessions that reached a milestone.
type MilestoneCount struct {
	Percent  int `json:"percent"`
	Sessions int `json:"sessions"`
}

// Sources are the functions that a Monitor reads the service's state from.
type Sources struct {
	Pool func() sql.DBStats
	Load func() usermeta.Load
	// Delivery is nil without a receiver. Then there is no outbox either.
	Delivery *DeliverySources
}

// DeliverySources are the sources on the delivery of events.
type DeliverySources struct {
	Stats func() webhook.Stats
	// Outbox and HasLeader query the database. Calls do not overlap and are at
	// least some seconds apart.
	Outbox    func(context.Context) (outbox.Stats, error)
	HasLeader func(context.Context) (bool, error)
}

// deliveryStats returns zero without a receiver.
func (s Sources) deliveryStats() webhook.Stats {
	if s.Delivery == nil {
		return webhook.Stats{}
	}
	return s.Delivery.Stats()
}

// MonitorConfig configures a Monitor.
type MonitorConfig struct {
	Version string
	Config  config.Config
	Metrics *Metrics
	Health  *Health
	Sources Sources
	Log     *slog.Logger // required
}

// Monitor records the recent history, polls the outbox and finds problems.
type Monitor struct {
	cfg     MonitorConfig
	host    string
	started time.Time
	salts   doctor.Finding
	history *history
	outbox  *outboxPoller // nil without a receiver
}

// NewMonitor returns a monitor and adds its sources to the metrics and the health
// report. Run starts it.
func NewMonitor(cfg MonitorConfig) *Monitor {
	host, _ := os.Hostname()
	m := &Monitor{
		cfg: cfg, host: host, started: clock.Now().UTC(), salts: doctor.CheckSalts(cfg.Config), history: &history{metrics: cfg.Metrics},
	}
	if cfg.Sources.Delivery != nil {
		m.outbox = &outboxPoller{sources: cfg.Sources.Delivery, log: cfg.Log}
	}
	cfg.Metrics.registry.MustRegister(collector{cfg.Sources, m.outbox, cfg.Health})
	cfg.Health.AddInfo("dispatcher", m.describeDispatcher)
	cfg.Health.AddInfo("logins", m.describeLogins)
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
		Version: m.cfg.Version, Host: m.host, StartedAt: m.started,
		Readiness: m.cfg.Health.Readiness(ctx),
		Queue:     m.cfg.Sources.Load(), Delivery: m.cfg.Sources.deliveryStats(), DeliveryDisabled: deliveryDisabled(m.cfg.Config),
		Activity: m.cfg.Metrics.activity(clock.Now()), RecentErrors: m.cfg.Metrics.recentErrors.snapshot(),
		Salts: m.salts, Settings: m.cfg.Config, History: m.history.samples(),
	}
	s.At = clock.Now().UTC()
	if m.outbox != nil {
		latest := m.outbox.snapshot()
		s.Outbox, s.OldestAge = &latest, latest.age(s.At).Seconds()
	}
	s.Problems = problems(s)
	s.Level = OK
	for _, p := range s.Problems {
		s.Level = max(s.Level, p.Level)
	}
	return s
}

func (m *Monitor) describeDispatcher() string {
	if reason := deliveryDisabled(m.cfg.Config); reason != "" {
		return "disabled: " + reason
	}
	if m.cfg.Sources.deliveryStats().Running {
		return "leader"
	}
	return "not the leader"
}

func (m *Monitor) describeLogins() string {
	if m.salts.State != doctor.OK {
		return "disabled: " + m.salts.Detail
	}
	return "enabled"
}

func deliveryDisabled(cfg config.Config) string {
	switch {
	case cfg.WebhookURL == nil:
		return "AUTOWEBINAR_WEBHOOK_URL is off"
	case cfg.Dispatch == config.DispatchOff:
		return "AUTOWEBINAR_DISPATCH is off"
	}
	return ""
}

// activity returns the activity since the start.
func (m *Metrics) activity(now time.Time) Activity {
	a := Activity{
		ActiveSessions: m.sessions.count(now), WindowSec: int(activeWindow / time.Second),
		Entered: total(m.entered), Completed: total(m.completed),
		Reports: total(m.reports), Clamped: total(m.clamped), Stale: total(m.stale), Events: total(m.events),
		Requests: total(m.requests), ServerErrors: totalWhere(m.requests, "status", "500"), Rejected: total(m.rejections),
		failedAttempts: totalWhere(m.attempts, "outcome", string(webhook.Rejected), string(webhook.Unavailable), string(webhook.NoPayload)),
	}
	for _, percent := range milestones {
		sessions := totalWhere(m.milestones, "percent", strconv.Itoa(percent))
		a.Milestones = append(a.Milestones, MilestoneCount{Percent: percent, Sessions: sessions})
	}
	return a
}

func (m *Monitor) serveStatus(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, m.Status(r.Context()))
}
