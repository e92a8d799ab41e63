package app

import (
	"context"
	"os"

	"autowebinar/internal/clock"
	"autowebinar/internal/config"
	"autowebinar/internal/httpapi"
	"autowebinar/internal/leader"
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
		Took: a.Duration, Age: clock.Now().Sub(e.At),
	}
	if !attempt.Accepted {
		attempt.Error = a.Reason()
	}
	o.AttemptDone(attempt)
}

// sources are what the monitor asks the parts of the service for.
func (a *app) sources() telemetry.Sources {
	src := telemetry.Sources{
		Pool: a.db.Stats,
		Queue: func() telemetry.Queue {
			p := a.store.Load()
			return telemetry.Queue{Queued: p.Queued, Capacity: p.Capacity, LockWaiters: p.LockWaiters}
		},
		Delivery: func() telemetry.Delivery {
			return telemetry.Delivery{NoReceiver: true, Disabled: "AUTOWEBINAR_WEBHOOK_URL is off"}
		},
	}
	if a.dispatcher != nil {
		src.Delivery, src.OutboxStats = a.delivery, a.outboxStats
	}
	return src
}

func (a *app) delivery() telemetry.Delivery {
	stats := a.dispatcher.Stats()
	d := telemetry.Delivery{
		IsLeader: stats.Running, ReceiverKnown: stats.ReceiverKnown, ReceiverUp: stats.ReceiverUp, Pending: stats.Deferred, Accepted: stats.Accepted, Failed: stats.Failed,
		Dead: stats.Dead, Discarded: stats.Withdrawn, AcceptedAt: stats.LastSuccess,
	}
	if a.cfg.Dispatch == config.DispatchOff {
		d.Disabled = "AUTOWEBINAR_DISPATCH is off"
	}
	return d
}

func (a *app) outboxStats(ctx context.Context) (telemetry.OutboxStats, error) {
	stats, err := a.outbox.Stats(ctx)
	if err != nil {
		return telemetry.OutboxStats{}, err
	}
	hasLeader, err := leader.Exists(ctx, a.db)
	isLeader := a.dispatcher.Stats().Running
	return telemetry.OutboxStats{
		Due: stats.Due, Deferred: stats.Deferred, Dead: stats.Dead, UnsupportedVersion: stats.UnsupportedVersion,
		Approximate: stats.Approximate, Oldest: stats.Oldest, HasLeader: hasLeader || isLeader, IsLeader: isLeader,
	}, err
}

func (a *app) newMonitor(metrics *telemetry.Metrics, loginsDisabledReason string) *telemetry.Monitor {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var settings []telemetry.Setting
	for _, setting := range a.cfg.LogValue().Group() {
		settings = append(settings, telemetry.Setting{Name: setting.Key, Value: setting.Value.Any()})
	}
	return telemetry.NewMonitor(telemetry.MonitorConfig{
		Version: a.version, Host: host, Metrics: metrics, Health: a.health,
		Sources: a.sources(), Settings: settings, LoginsDisabled: loginsDisabledReason, Log: a.log,
	})
}
