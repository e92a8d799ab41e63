package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"autowebinar/internal/clock"
)

// collector reads the metrics of the sources at each scrape.
type collector struct {
	sources Sources
	outbox  *outboxPoller // nil without a receiver
	health  *Health
}

// Describe implements [prometheus.Collector]. It describes nothing, so that each
// metric is named only once, in Collect.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c collector) Collect(out chan<- prometheus.Metric) {
	emit := func(kind prometheus.ValueType) func(name string, value float64, help string, state ...string) {
		return func(name string, value float64, help string, state ...string) {
			labels := []string{"state"}[:len(state)]
			desc := prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
			out <- prometheus.MustNewConstMetric(desc, kind, value, state...)
		}
	}
	gauge, counter := emit(prometheus.GaugeValue), emit(prometheus.CounterValue)

	gauge("ready", boolToFloat(c.health.Readiness(context.Background()).Status == StatusReady),
		"1 if /readyz reports that the service is ready, else 0.")
	queue, pool, delivery := c.sources.Load(), c.sources.Pool(), c.sources.deliveryStats()
	gauge("changes_queued", float64(queue.Queued), "Changes waiting for a group commit or for locked rows.")
	gauge("changes_queue_capacity", float64(queue.Capacity), "Limit of queued changes. Further ones are rejected with 503.")
	gauge("lock_waiters", float64(queue.LockWaiters),
		"Viewers whose rows another transaction has locked; they are retried outside the commit queue.")
	for state, connections := range map[string]int{"in_use": pool.InUse, "idle": pool.Idle} {
		gauge("db_connections", float64(connections), "Connections of the pool, by state: in_use, idle.", state)
	}
	gauge("db_connections_limit", float64(pool.MaxOpenConnections), "Limit of open connections.")
	counter("db_connection_waits_total", float64(pool.WaitCount), "Times that a query waited for a free connection.")
	counter("db_connection_wait_seconds_total", pool.WaitDuration.Seconds(), "Time that queries waited for a free connection.")
	gauge("dispatcher_leader", boolToFloat(delivery.Running),
		"1 on the replica that delivers events, else 0. The sum over all replicas should be 1.")
	gauge("dispatcher_viewers_pending", float64(delivery.Pending), "Viewers with undelivered events, as known to the leader.")
	if delivery.Running && delivery.ReceiverKnown {
		gauge("receiver_up", boolToFloat(delivery.ReceiverUp),
			"1 if the receiver is reachable, 0 if not; absent until known. Leader only.")
	}
	counter("events_dead_total", float64(delivery.Dead),
		"Events that this replica dead-lettered because their retries were exhausted.")
	counter("events_discarded_total", float64(delivery.Discarded), "Events deleted unsent because their user was deleted.")
	if c.outbox == nil {
		return
	}
	outbox := c.outbox.snapshot()
	var counted float64
	if !outbox.At.IsZero() {
		counted = float64(outbox.At.UnixMilli()) / 1000
	}
	gauge("outbox_counted_timestamp_seconds", counted, "Unix time of the last count of the outbox; 0 if never.")
	counter("outbox_count_failures_total", float64(outbox.Failures), "Failed counts of the outbox.")
	if outbox.At.IsZero() {
		return // a wrong zero would be worse than no value
	}
	gauge("dispatcher_has_leader", boolToFloat(outbox.HasLeader),
		"1 if any replica holds the leader lock in the database, as seen by this replica.")
	for state, events := range map[string]int{"due": outbox.Due, "deferred": outbox.Deferred, "dead": outbox.Dead} {
		gauge("outbox_events", float64(events),
			"Events in the outbox of all replicas, by state: due, deferred (failed, or behind a failed one), dead.", state)
	}
	gauge("outbox_unsupported_events", float64(outbox.UnsupportedVersion),
		"Due and deferred events written by another version that this one cannot read.")
	gauge("outbox_oldest_age_seconds", outbox.age(clock.Now()).Seconds(),
		"Age of the oldest readable due or deferred event; 0 if there is none.")
	gauge("outbox_count_duration_seconds", outbox.Took.Seconds(), "Duration of the last count of the outbox.")
}

func boolToFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
