package main

import (
	"context"
	"os"
	"time"

	"autowebinar/internal/config"
	"autowebinar/internal/httpapi"
	"autowebinar/internal/telemetry"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// observer counts what the packages of the service tell, in the words of
// telemetry, which knows none of them.
type observer struct{ *telemetry.Metrics }

func (o observer) SessionChanged(s httpapi.SessionChange) {
	step := telemetry.SessionChange{
		Session: string(s.Session), Entered: s.Entered, Reported: s.Reported, Clamped: s.Clamped, Stale: s.Stale,
		From: s.From, To: s.To, Completed: s.Completed,
	}
	for _, event := range s.Events {
		step.Events = append(step.Events, string(event.Type))
	}
	o.Metrics.SessionChanged(step)
}

func (o observer) attemptDone(e webinar.Event, a webhook.AttemptResult) {
	attempt := telemetry.Attempt{
		Type: string(e.Type), WebhookID: e.ID.String(), User: uint64(e.User),
		Outcome: string(a.Outcome), Accepted: a.Outcome == webhook.Accepted, Canceled: a.Outcome == webhook.Canceled,
		Took: a.Duration, Age: time.Since(e.At),
	}
	if !attempt.Accepted {
		attempt.Error = a.Reason()
	}
	o.AttemptDone(attempt)
}

// sources are what the monitor asks the parts of the service for.
func (s *service) sources() telemetry.Sources {
	src := telemetry.Sources{
		Pool: s.pool.Stats,
		Queue: func() telemetry.Queue {
			p := s.store.Load()
			return telemetry.Queue{Queued: p.Queued, Capacity: p.Capacity, LockWaiters: p.LockWaiters}
		},
		Delivery: func() telemetry.Delivery {
			return telemetry.Delivery{NoReceiver: true, Disabled: "AUTOWEBINAR_WEBHOOK_URL is off"}
		},
	}
	if s.dispatcher != nil {
		src.Delivery, src.OutboxStats = s.delivery, s.census
	}
	return src
}

func (s *service) delivery() telemetry.Delivery {
	stats := s.dispatcher.Stats()
	d := telemetry.Delivery{
		IsLeader: stats.Running, ReceiverKnown: stats.ReceiverKnown, ReceiverUp: stats.ReceiverUp, Pending: stats.Deferred, Accepted: stats.Accepted, Failed: stats.Failed,
		Dead: stats.Dead, Discarded: stats.Withdrawn, AcceptedAt: stats.LastSuccess,
	}
	if s.cfg.Dispatch == config.DispatchOff {
		d.Disabled = "AUTOWEBINAR_DISPATCH is off"
	}
	return d
}

func (s *service) census(ctx context.Context) (telemetry.OutboxStats, error) {
	c, err := s.outbox.Stats(ctx)
	running := s.dispatcher.Stats().Running
	return telemetry.OutboxStats{
		Due: c.Due, Deferred: c.Waiting, Dead: c.Dead, UnsupportedVersion: c.UnsupportedVersion, Approximate: c.Estimated, Oldest: c.Oldest,
		HasLeader: c.Leader != 0 || running, IsLeader: running,
	}, err
}

// newMonitor looks at everything that is wired. loginsOff says why WordPress
// logins are off, if they are.
func (s *service) newMonitor(metrics *telemetry.Metrics, loginsOff string) *telemetry.Monitor {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var settings []telemetry.Setting
	for _, setting := range s.cfg.LogValue().Group() {
		settings = append(settings, telemetry.Setting{Name: setting.Key, Value: setting.Value.Any()})
	}
	return telemetry.NewMonitor(telemetry.MonitorConfig{
		Version: version(), Host: host, Metrics: metrics, Health: s.health,
		Sources: s.sources(), Settings: settings, LoginsDisabled: loginsOff, Log: s.log,
	})
}
