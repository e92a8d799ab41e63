package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Status is the answer of /status.json: all that the status page shows. Counts
// are of this replica since its start, but for the outbox, which is the site's.
type Status struct {
	At        time.Time `json:"at"`
	Version   string    `json:"version"`
	Host      string    `json:"host"`
	StartedAt time.Time `json:"started_at"`

	Level    Level     `json:"level"`    // the worst of the problems'
	Problems []Problem `json:"problems"` // the worst first

	Readiness Readiness       `json:"readiness"`
	Viewing   Viewing         `json:"viewing"`
	Queue     Queue           `json:"queue"`
	Delivery  Delivery        `json:"delivery"`
	Outbox    *sample         `json:"outbox"` // null: there is none
	Age       float64         `json:"oldest_age_sec"`
	Mishaps   []DeliveryError `json:"mishaps"`
	Settings  []Setting       `json:"settings"`
	History   []Sample        `json:"history"` // a second each, the last one is now
}

// Viewing is what viewers did.
type Viewing struct {
	Viewers    int         `json:"viewers"`
	WindowSec  int         `json:"window_sec"` // what "now" means of viewers
	Entered    uint64      `json:"entered"`
	Marks      []MarkCount `json:"marks"`
	Completed  uint64      `json:"completed"`
	Reports    uint64      `json:"reports"`
	Clamped    uint64      `json:"clamped"`
	Stale      uint64      `json:"stale"`
	Events     uint64      `json:"events"`
	Requests   uint64      `json:"requests"`
	Failures   uint64      `json:"failures"`
	TurnedAway uint64      `json:"turned_away"`
	LoginsOff  string      `json:"logins_off,omitempty"` // why WordPress logins are off
}

// MarkCount is how many sessions reached a mark.
type MarkCount struct {
	Percent  int    `json:"percent"`
	Sessions uint64 `json:"sessions"`
}

// Setting is one line of the configuration in force, without secrets.
type Setting struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// MonitorConfig says what a Monitor looks at.
type MonitorConfig struct {
	Version   string
	Host      string // of this replica
	Metrics   *Metrics
	Health    *Health
	Sources   Sources
	Settings  []Setting    // redacted already
	LoginsOff string       // why WordPress logins are off; empty: they are on
	Log       *slog.Logger // nil: slog.Default
}

// Monitor watches the service: it keeps the last minutes, counts the outbox now
// and then, and says what is wrong.
type Monitor struct {
	cfg     MonitorConfig
	started time.Time
	history *history
	census  *outboxSampler // nil: no outbox
}

// NewMonitor makes a monitor at rest and adds what it knows to the metrics.
func NewMonitor(cfg MonitorConfig) *Monitor {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	m := &Monitor{cfg: cfg, started: time.Now().UTC(), history: &history{metrics: cfg.Metrics}}
	if cfg.Sources.OutboxStats != nil {
		m.census = &outboxSampler{take: cfg.Sources.OutboxStats, log: cfg.Log}
	}
	cfg.Metrics.registry.MustRegister(newCollector(cfg.Sources, m.census, cfg.Health))
	return m
}

// Run samples and counts until ctx ends.
func (m *Monitor) Run(ctx context.Context) {
	if m.census == nil {
		m.history.run(ctx)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.census.run(ctx)
	}()
	m.history.run(ctx)
	<-done
}

// Status looks at everything. It takes no longer than the readiness checks.
func (m *Monitor) Status(ctx context.Context) Status {
	s := Status{
		Version: m.cfg.Version, Host: m.cfg.Host, StartedAt: m.started,
		Readiness: m.cfg.Health.Readiness(ctx),
		Queue:     m.cfg.Sources.Queue(), Delivery: m.cfg.Sources.Delivery(),
		Viewing: m.viewing(), Mishaps: m.cfg.Metrics.mishaps.list(),
		Settings: m.cfg.Settings, History: m.history.samples(),
	}
	s.At = time.Now().UTC()
	if m.census != nil {
		outbox := m.census.read()
		s.Outbox, s.Age = &outbox, outbox.age(s.At).Seconds()
	}
	s.Problems = problems(s)
	s.Level = OK
	for _, p := range s.Problems {
		s.Level = max(s.Level, p.Level)
	}
	return s
}

func (m *Monitor) viewing() Viewing {
	c := &m.cfg.Metrics.tally
	v := Viewing{
		Viewers: m.cfg.Metrics.audience.count(time.Now()), WindowSec: int(AudienceWindow / time.Second),
		Entered: c.entered.Load(), Completed: c.completed.Load(),
		Reports: c.reports.Load(), Clamped: c.clamped.Load(), Stale: c.stale.Load(),
		Events: c.events.Load(), Requests: c.requests.Load(), Failures: c.failures.Load(), TurnedAway: c.turnedAway.Load(),
		LoginsOff: m.cfg.LoginsOff,
	}
	for i, percent := range marks {
		v.Marks = append(v.Marks, MarkCount{Percent: percent, Sessions: c.marks[i].Load()})
	}
	return v
}

func (m *Monitor) serveStatus(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, m.Status(r.Context()))
}
